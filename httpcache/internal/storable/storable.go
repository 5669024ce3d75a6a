package storable

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/jollyjet/aside/httpcache/internal/directive"
	"github.com/jollyjet/aside/httpcache/internal/field"
	"github.com/jollyjet/aside/httpcache/internal/freshness"
)

// Asked is what counts of a request.
type Asked struct {
	Method string
	Header http.Header // as the client sent it
	Body   bool        // it has a body, or may have one: ContentLength isn't 0
}

// Answered is what counts of an answer.
type Answered struct {
	Status  int
	Header  http.Header
	Said    directive.Response
	Terms   freshness.Terms
	Session bool // the session was touched
}

// Rules are what the route allows. The zero Rules are the safe ones.
type Rules struct {
	Public  bool // Cookie and Authorization don't change the answer
	PerUser bool // the key has the user in it: what is private may be stored, too

	// What breaks the word of the answer. Set-Cookie isn't stored even so.
	OverNoStore, OverPrivate, OverSetCookie bool
}

func (r Rules) anyUser() bool { return r.Public || r.PerUser }

// Request tells whether a request may be answered from the cache, and fill it.
func Request(asked Asked, rules Rules) Reason {
	switch {
	case asked.Method != http.MethodGet && asked.Method != http.MethodHead:
		return Method
	case asked.Body:
		return RequestBody
	case !rules.anyUser() && len(asked.Header.Values("Cookie")) > 0:
		return Cookie
	default:
		return ""
	}
}

// Answer tells whether the answer to a request may be stored, as far as its headers say. It covers Request, so that it can
// be asked alone.
func Answer(asked Asked, answer Answered, rules Rules) Reason {
	if reason := Request(asked, rules); reason != "" {
		return reason
	}
	switch {
	case asked.Method != http.MethodGet:
		return Method
	case directive.OfRequest(asked.Header).NoStore:
		return RequestSaysNo
	}
	for _, check := range []func(Answered, Rules) Reason{status, forbidden, personal, shape, reusable} {
		if reason := check(answer, rules); reason != "" {
			return reason
		}
	}
	return Shared(asked, answer.Said, rules)
}

// Shared tells whether an answer that said this is for requests with the credentials of this one (RFC 9111, section 3.5).
// It is asked before an answer is stored, and before one is served.
func Shared(asked Asked, said directive.Response, rules Rules) Reason {
	named := said.Public || said.MustRevalidate || said.SMaxAge.Set
	if len(asked.Header.Values("Authorization")) > 0 && !named && !rules.anyUser() {
		return Authorization
	}
	return ""
}

// status refuses what is no final and whole answer.
func status(answer Answered, _ Rules) Reason {
	switch {
	case answer.Status < 200:
		return Informational
	case answer.Status == http.StatusPartialContent: // Content-Range means nothing with another one (RFC 9110, section 14.4)
		return Partial
	case answer.Status == http.StatusNotModified:
		return NotModified
	default:
		return ""
	}
}

// forbidden refuses what the answer said not to store. must-understand replaces no-store for who knows the status
// (RFC 9111, section 5.2.2.3).
func forbidden(answer Answered, rules Rules) Reason {
	said := answer.Said
	switch {
	case said.MustUnderstand && !understood(answer.Status):
		return NotUnderstood
	case said.NoStore && !said.MustUnderstand && !rules.OverNoStore:
		return NoStore
	case said.Private && !rules.PerUser && !rules.OverPrivate:
		return Private
	default:
		return ""
	}
}

// personal refuses what is made for one client.
func personal(answer Answered, rules Rules) Reason {
	switch {
	case len(answer.Header.Values("Set-Cookie")) > 0 && !rules.OverSetCookie:
		return SetCookie
	case answer.Session && !rules.PerUser: // Public promises what a handler that looks at the session breaks
		return Session
	default:
		return ""
	}
}

// shape refuses what can't be served again as it was.
func shape(answer Answered, _ Rules) Reason {
	for _, name := range field.List(answer.Header.Values("Vary")) {
		if !field.IsToken(name) || name == "*" {
			return VaryAny
		}
	}
	for _, coding := range field.List(answer.Header.Values("Content-Encoding")) {
		if strings.EqualFold(coding, "dcb") || strings.EqualFold(coding, "dcz") {
			return Dictionary
		}
	}
	if len(answer.Header.Values("Trailer")) > 0 {
		return Trailer
	}
	return ""
}

// reusable refuses what nobody could be answered with. An answer that is stale at once is good for a revalidation, but only
// if it asks for that: what says nothing isn't stored.
func reusable(answer Answered, _ Rules) Reason {
	header, said, terms := answer.Header, answer.Said, answer.Terms
	if terms.Source == freshness.None && !said.NoCache && (!said.Public || !freshness.Cacheable(answer.Status)) {
		return NoFreshness
	}
	if terms.Keep() > 0 || header.Get("Etag") != "" || header.Get("Last-Modified") != "" {
		return ""
	}
	return NotReusable
}

// understood tells whether the cache knows what a status means for its storage.
func understood(status int) bool {
	switch status {
	case 200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412,
		413, 414, 415, 417, 421, 422, 426, 429, 451, 500, 501, 502, 503, 504, 505:
		return true
	default:
		return false
	}
}

// Body tells whether what the handler wrote is the whole answer, once it returned: written is the number of bytes.
func Body(answer Answered, written int64) Reason {
	for name := range answer.Header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return Trailer
		}
	}
	for _, announced := range answer.Header.Values("Content-Length") {
		if n, err := strconv.ParseInt(announced, 10, 64); err != nil || n != written {
			return Incomplete
		}
	}
	return ""
}
