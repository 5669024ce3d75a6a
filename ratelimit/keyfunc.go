package ratelimit

import (
	"net/http"
	"net/url"
	"strings"
)

// KeyFunc names whom a request is charged to. "" means that it can't tell. Any function of the request will do; the keys of
// this package's functions begin with their kind, so that two kinds never share a key.
type KeyFunc func(*http.Request) string

// ByIP charges the client's address: for IPv4 the address, for IPv6 its /64, which is what one customer gets. How the
// address is found is set by [ClientIP], once for the limiter; the options here change it for this key alone. Without ClientIP
// the options of the first ByIP are the limiter's, one that names proxies before others. To find it, [New] calls the limiter's key functions
// once with an empty request. Requests without an address share one key.
func ByIP(options ...IPOption) KeyFunc {
	own := newIPConfig("ByIP", options)
	return func(r *http.Request) string {
		k := keyingOf(r)
		switch {
		case k == nil:
			return own.key(r)
		case k.search:
			if len(options) > 0 && (k.found == nil || own.Believes() && !k.found.Believes()) {
				k.found = own
			}
			return noAddress
		case len(options) == 0:
			return k.client.key(r)
		}
		return own.within(k.client).key(r)
	}
}

// ByUser charges whom the request has been verified to come from, such as the user of a session, or the owner of an API key
// that your authentication has looked up. It must come after that: id is then the user's, and ok is true. Otherwise, and if
// id is "", the key is "": who is not verified is charged by address.
func ByUser(user func(*http.Request) (id string, ok bool)) KeyFunc {
	if user == nil {
		panic("ratelimit: ByUser(nil): give a function that returns the verified user of a request")
	}
	return func(r *http.Request) string {
		id, ok := user(r)
		if !ok || id == "" {
			return ""
		}
		return "u:" + id
	}
}

// HeaderOption changes what [ByHeader] does.
type HeaderOption func(*headerConfig)

type headerConfig struct{ verified bool }

// AlreadyVerified says that no request reaches the limiter whose header has not been verified, so the address needs not be
// counted.
func AlreadyVerified() HeaderOption { return func(c *headerConfig) { c.verified = true } }

// ByHeader charges the value of a header, such as an API key. The value is hashed, so that no secret is stored in Redis.
// A request without it gets "".
//
// Before authentication a client can invent values, each of which would have a limit of its own. So the client's address is
// charged as well, first, under the same policy: the request needs a permit of both, and counts as two decisions. A key
// that stays below the address's limit still takes memory in Redis. Once the header has been verified use [ByUser], or
// say [AlreadyVerified].
func ByHeader(name string, options ...HeaderOption) KeyFunc {
	if name == "" {
		panic(`ratelimit: ByHeader(""): use a header's name`)
	}
	name = http.CanonicalHeaderKey(name)
	var c headerConfig
	for _, o := range options {
		o(&c)
	}
	return func(r *http.Request) string {
		k := keyingOf(r)
		if k != nil && k.byAddress && !c.verified {
			return k.client.key(r)
		}
		value := r.Header.Get(name)
		if value == "" {
			return ""
		}
		if k != nil && !c.verified {
			k.unverified = true
		}
		return "h:" + digest(value)
	}
}

// Mux finds the pattern of a request for [ByEndpoint]; *http.ServeMux is one.
type Mux interface {
	Handler(*http.Request) (http.Handler, string)
}

// ByEndpoint charges the endpoint: the pattern that the request matched, never its path, because a client can invent
// paths. Within a handler the pattern is r.Pattern; for a middleware in front of the mux, give ByEndpoint the mux. All
// requests without a pattern share one key.
func ByEndpoint(mux ...Mux) KeyFunc {
	return func(r *http.Request) string {
		pattern := r.Pattern
		for _, m := range mux {
			if pattern == "" {
				pattern = patternOf(m, r)
			}
		}
		if pattern == "" {
			return "e:none"
		}
		if !strings.Contains(pattern, " ") {
			return "e:" + r.Method + " " + pattern
		}
		return "e:" + pattern
	}
}

// patternOf is the pattern that a mux finds. For a redirect to the path with a final slash http.ServeMux returns that path,
// which a client can invent, in place of the pattern.
func patternOf(m Mux, r *http.Request) string {
	_, pattern := m.Handler(r)
	if pattern == "" || pattern != r.URL.Path+"/" {
		return pattern
	}
	slashed := *r
	slashed.URL = &url.URL{Path: pattern}
	_, pattern = m.Handler(&slashed)
	return pattern
}

// Join charges a combination, such as an address at an endpoint. Its key is "" if that of a part is.
func Join(keys ...KeyFunc) KeyFunc {
	if len(keys) == 0 {
		panic("ratelimit: Join(): give one key function or more")
	}
	return func(r *http.Request) string {
		if keyingOf(r).searches(keys, r) {
			return ""
		}
		parts := make([]string, len(keys))
		for i, key := range keys {
			part := key(r)
			if part == "" {
				return ""
			}
			parts[i] = escape(part, func(c byte) bool { return c != '|' && c != '%' })
		}
		return strings.Join(parts, "|")
	}
}

// FirstOf charges the first key that is not "", such as a user, or else an address.
func FirstOf(keys ...KeyFunc) KeyFunc {
	return func(r *http.Request) string {
		if keyingOf(r).searches(keys, r) {
			return ""
		}
		for _, key := range keys {
			if s := key(r); s != "" {
				return s
			}
		}
		return ""
	}
}
