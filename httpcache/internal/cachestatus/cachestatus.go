package cachestatus

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/jollyjet/aside/httpcache/internal/field"
)

// Forward says why a request went to the handler.
type Forward string

// The reasons (RFC 9211, section 2.2).
const (
	Bypass   Forward = "bypass"    // the cache was told not to be used
	Method   Forward = "method"    // the method is never answered from a cache
	URIMiss  Forward = "uri-miss"  // nothing was stored for the URL
	VaryMiss Forward = "vary-miss" // nothing for the request fields that the URL's answers depend on
	Miss     Forward = "miss"      // nothing, and it isn't known which of the two
	Request  Forward = "request"   // something fresh was, but the request asked for more
	Stale    Forward = "stale"     // something was, but it had to be revalidated
	Partial  Forward = "partial"   // a part of it was
)

// Status is what one cache did. It either hit or forwarded; with Hit what is about forwarding isn't written.
type Status struct {
	Cache string // the cache's name

	Hit     bool
	Forward Forward

	ForwardStatus int  // the handler's status, if it isn't the one that the client gets; 0: not written
	Stored        bool // its answer was stored
	Collapsed     bool // the request waited for another one's answer

	Key    string // by which it is stored; "": not written, as it may show secrets
	Detail string // in the cache's own words; "": not written

	ttl    int64
	hasTTL bool
}

// WithTTL returns the status with the time for which the answer is still fresh, in whole seconds; negative if it is stale.
func (s Status) WithTTL(ttl time.Duration) Status {
	s.ttl, s.hasTTL = int64(ttl/time.Second), true
	if ttl%time.Second < 0 {
		s.ttl-- // stale by less than a second is stale
	}
	return s
}

// Append adds the status to what other caches have said.
func Append(header http.Header, s Status) { header.Add("Cache-Status", s.String()) }

// String returns the status as a member of the field's list.
func (s Status) String() string {
	item := httpsfv.NewItem(word(s.Cache))
	add := func(name string, value any, set bool) {
		if set {
			item.Params.Add(name, value)
		}
	}
	add("hit", true, s.Hit)
	add("fwd", httpsfv.Token(s.Forward), !s.Hit && s.Forward != "")
	add("fwd-status", int64(s.ForwardStatus), !s.Hit && s.ForwardStatus != 0)
	add("ttl", s.ttl, s.hasTTL)
	add("stored", true, !s.Hit && s.Stored)
	add("collapsed", true, !s.Hit && s.Collapsed)
	add("key", ascii(s.Key), s.Key != "")
	add("detail", word(s.Detail), s.Detail != "")
	text, err := httpsfv.Marshal(httpsfv.List{item})
	if err != nil {
		panic("httpcache: Cache-Status: " + err.Error()) // it can't be: every value was made valid above
	}
	return text
}

// word is a token if it can be one, else a string.
func word(s string) any {
	first := s != "" && (s[0] == '*' || 'a' <= s[0]|0x20 && s[0]|0x20 <= 'z')
	if first && field.IsToken(s) {
		return httpsfv.Token(s)
	}
	return ascii(s)
}

// ascii writes what no string of a structured field can hold as its bytes in hexadecimal, as in URLs.
func ascii(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			fmt.Fprintf(&b, "%%%02X", s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
