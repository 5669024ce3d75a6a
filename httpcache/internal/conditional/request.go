package conditional

import (
	"net/http"
	"time"

	"github.com/jollyjet/aside/httpcache/internal/field"
)

// Strip removes what would make the handler answer with less than the whole: conditions and Range. A fill is stripped, as
// what a client has seen says nothing about what the cache has.
func Strip(request http.Header) {
	for _, name := range []string{"If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Range"} {
		request.Del(name)
	}
}

// Revalidate makes a request ask the handler whether the stored answer still holds (RFC 9111, section 4.3.1): with the
// answer's validators and none of the client's. It reports false, and the request asks for the whole, if there is none.
func Revalidate(request, stored http.Header, now time.Time) bool {
	Strip(request)
	tag, tagged := etag(stored)
	if tagged {
		request.Set("If-None-Match", tag)
	}
	modified := stored.Get("Last-Modified")
	_, dated := field.Date(modified, now)
	if dated {
		request.Set("If-Modified-Since", modified)
	}
	return tagged || dated
}

// NotModifiedHeader returns the fields of a 304 that is made from a stored answer (RFC 9110, section 15.4.5): all but those
// that describe the body which isn't sent.
func NotModifiedHeader(stored http.Header) http.Header {
	header := stored.Clone()
	for _, name := range []string{
		"Accept-Ranges", "Content-Digest", "Content-Encoding", "Content-Language", "Content-Length", "Content-Range", "Content-Type",
	} {
		header.Del(name)
	}
	if header.Get("Etag") != "" {
		header.Del("Last-Modified") // the stronger one is enough
	}
	return header
}
