package storable

import (
	"net/http"
	"strings"

	"github.com/jollyjet/aside/httpcache/internal/directive"
	"github.com/jollyjet/aside/httpcache/internal/field"
)

// Header returns the fields of an answer that are stored. Left out are those of one hop (RFC 9111, section 3.1), those that
// the answer keeps from being shared (private="x", no-cache="x"), and those that are about one client (Set-Cookie, RateLimit,
// Retry-After). Age stays, as the terms are computed from it; it is written anew on each hit.
func Header(header http.Header, said directive.Response) http.Header {
	stored := header.Clone()
	for _, names := range [][]string{field.HopByHop(header), said.PrivateFields, said.NoCacheFields, perClient} {
		for _, name := range names {
			stored.Del(name)
		}
	}
	for name := range stored {
		if perClientFamily(name) {
			delete(stored, name)
		}
	}
	return stored
}

var perClient = []string{"Authentication-Info", "Retry-After", "Set-Cookie"}

// perClientFamily covers the fields of rate limits in their standard and older forms, and trailers.
func perClientFamily(name string) bool {
	name = http.CanonicalHeaderKey(name)
	for _, prefix := range []string{"Ratelimit", "X-Ratelimit", "X-Rate-Limit", http.TrailerPrefix} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
