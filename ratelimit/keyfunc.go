package ratelimit

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/jollyjet/aside/internal/clientip"
)

// KeyFunc names whom a request is charged to. "" means that it can't tell. Any function of the request will do; the keys of
// this package's functions begin with their kind, so that two kinds never share a key.
type KeyFunc func(*http.Request) string

// IPOption changes what [ByIP] does.
type IPOption func(*ipConfig)

type ipConfig struct {
	clientip.Source
	v6 int
}

// ByIP charges the client's address: for IPv4 the address, for IPv6 its /64, which is what one customer gets.
// The address is the peer's own, r.RemoteAddr, unless [TrustedProxies] names proxies in front of this server. Requests
// without one (such as those from a Unix socket) share one key.
func ByIP(options ...IPOption) KeyFunc {
	c := ipConfig{v6: 64}
	for _, o := range options {
		o(&c)
	}
	return func(r *http.Request) string {
		addr, ok := c.Client(r)
		if !ok {
			return "ip:none"
		}
		return "ip:" + clientip.Group(addr, c.v6)
	}
}

var byRemote = ByIP()

// TrustedProxies are the addresses of the proxies in front of this server. X-Forwarded-For is read only if a request comes
// from one of them. It is read from the end, where each trusted proxy has added the address that it got the request from:
// the first that is not a trusted proxy's is the client's. What the client itself has sent stands before that and is never
// reached. If an entry is not an address, the proxy that passed it on is charged.
func TrustedProxies(proxies ...netip.Prefix) IPOption {
	if len(proxies) == 0 {
		panic("ratelimit: TrustedProxies(): give the proxies' prefixes, or leave the option out for RemoteAddr")
	}
	for _, p := range proxies {
		if !p.IsValid() {
			panic("ratelimit: TrustedProxies: a prefix is invalid; use netip.MustParsePrefix")
		}
	}
	return func(c *ipConfig) { c.Trust(proxies) }
}

// ProxyHeader is the header in which the trusted proxies name the address that they got the request from, in place of
// X-Forwarded-For. "Forwarded" is read as RFC 7239, any other as a list of addresses, or one, such as X-Real-IP. Name the
// header that your proxies write: a client can forge any other.
func ProxyHeader(name string) IPOption {
	if name == "" {
		panic(`ratelimit: ProxyHeader(""): use "Forwarded" or another header's name`)
	}
	return func(c *ipConfig) { c.Header = http.CanonicalHeaderKey(name) }
}

// IPv6Prefix is how many bits of an IPv6 address tell one client from another. The default is 64; providers that give
// a customer more have 56 or 48.
func IPv6Prefix(bits int) IPOption {
	if bits < 1 || bits > 128 {
		panic(fmt.Sprintf("ratelimit: IPv6Prefix(%d): use 1 to 128 bits", bits))
	}
	return func(c *ipConfig) { c.v6 = bits }
}

// ByHeader charges the value of a header, such as an API key. The value is hashed, so that no secret is stored in Redis.
// A request without it gets "".
func ByHeader(name string) KeyFunc {
	if name == "" {
		panic(`ratelimit: ByHeader(""): use a header's name`)
	}
	name = http.CanonicalHeaderKey(name)
	return func(r *http.Request) string {
		value := r.Header.Get(name)
		if value == "" {
			return ""
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
				_, pattern = m.Handler(r)
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

// Join charges a combination, such as an address at an endpoint. Its key is "" if that of a part is.
func Join(keys ...KeyFunc) KeyFunc {
	if len(keys) == 0 {
		panic("ratelimit: Join(): give one key function or more")
	}
	return func(r *http.Request) string {
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
		for _, key := range keys {
			if s := key(r); s != "" {
				return s
			}
		}
		return ""
	}
}
