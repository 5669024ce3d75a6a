package freshen

import (
	"net/http"
	"strings"
	"time"

	"github.com/jollyjet/aside/httpcache/internal/field"
)

// Selects reports whether a 304 speaks of the stored answer (RFC 9111, section 4.3.4): its entity tag, if it has one, is that
// of the stored one, else its Last-Modified is; a 304 that has neither answers the one question that was asked.
func Selects(stored, notModified http.Header) bool {
	if tag := notModified.Get("Etag"); tag != "" {
		known := stored.Get("Etag")
		if strings.HasPrefix(tag, "W/") {
			known, tag = strings.TrimPrefix(known, "W/"), tag[len("W/"):]
		}
		return tag == known
	}
	modified := notModified.Get("Last-Modified")
	return modified == "" || stored.Get("Etag") != "" || modified == stored.Get("Last-Modified")
}

// ByNotModified returns the stored fields as the 304 that came at received has changed them: each field of it replaces all
// lines of the stored one, except those that are for one hop or say how the stored body is written. Age and Date are those of
// the 304.
func ByNotModified(stored, notModified http.Header, received time.Time) http.Header {
	header := update(stored, notModified)
	if _, ok := field.Date(notModified.Get("Date"), received); !ok {
		header.Set("Date", received.UTC().Format(http.TimeFormat))
	}
	return header
}

// ByHead returns the stored fields as the answer of 200 to a HEAD has changed them. It reports false if that answer describes
// another body: the stored one is stale then (RFC 9111, section 4.3.5).
func ByHead(stored, head http.Header, received time.Time) (http.Header, bool) {
	for _, name := range []string{"Content-Length", "Etag", "Last-Modified"} {
		if said := head.Get(name); said != "" && said != stored.Get(name) {
			return nil, false
		}
	}
	return ByNotModified(stored, head, received), true
}

// update replaces fields (RFC 9111, section 3.2).
func update(stored, by http.Header) http.Header {
	header := stored.Clone()
	header.Del("Age") // counted from the newer answer on
	kept := map[string]bool{}
	for _, name := range append(field.HopByHop(by), "Content-Encoding", "Content-Length", "Content-Range") {
		kept[name] = true
	}
	for name, lines := range by {
		if name = http.CanonicalHeaderKey(name); !kept[name] {
			header[name] = append([]string(nil), lines...)
		}
	}
	return header
}
