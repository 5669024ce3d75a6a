package directive

import (
	"net/http"

	"github.com/jollyjet/aside/httpcache/internal/field"
)

// Request is what a request asks of a cache. The zero value asks nothing.
type Request struct {
	NoStore      bool
	NoCache      bool // Pragma: no-cache, too, if there is no Cache-Control (RFC 9111, section 5.4)
	OnlyIfCached bool
	MaxAge       Delta
	MinFresh     Delta
	MaxStale     Delta // without an argument: field.MaxDelta, which is any
}

// OfRequest reads the directives of a request.
func OfRequest(header http.Header) Request {
	var r Request
	lines := header.Values("Cache-Control")
	if len(lines) == 0 {
		lines = pragma(header)
	}
	for _, member := range field.List(lines) {
		switch name, argument := split(member); name {
		case "no-store":
			r.NoStore = true
		case "no-cache":
			r.NoCache = true
		case "only-if-cached":
			r.OnlyIfCached = true
		case "max-age":
			r.MaxAge.addText(argument)
		case "min-fresh":
			r.MinFresh.addLongest(argument)
		case "max-stale":
			if argument == "" && len(member) == len(name) {
				r.MaxStale.add(field.MaxDelta)
			} else {
				r.MaxStale.addText(argument)
			}
		}
	}
	return r
}

// pragma returns the one directive that Pragma has in common with Cache-Control.
func pragma(header http.Header) []string {
	for _, member := range field.List(header.Values("Pragma")) {
		if name, _ := split(member); name == "no-cache" {
			return []string{"no-cache"}
		}
	}
	return nil
}
