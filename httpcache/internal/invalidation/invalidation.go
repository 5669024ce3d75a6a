package invalidation

import (
	"net/http"
	"net/url"
	"strings"
)

// Stale is what an answer makes stale: all variants of these URLs, and what has one of these tags. The zero Stale is
// nothing.
type Stale struct {
	URLs []*url.URL // absolute, without fragment; the request's own is the first
	Tags []string
}

// By returns what the answer to a request makes stale. target is the request's absolute URL.
//
// After an unsafe method succeeded (2xx, 3xx), these are its URL and those in Location and Content-Location, if they are of
// the same origin: others have no right to say so. The groups in Cache-Group-Invalidation are stale after any answer to an
// unsafe method.
func By(method string, status int, target *url.URL, answer http.Header) Stale {
	if Safe(method) {
		return Stale{}
	}
	var stale Stale
	if status >= 200 && status <= 399 {
		stale.URLs = urls(target, answer)
	}
	stale.Tags = tags(target, answer.Values("Cache-Group-Invalidation"))
	return stale
}

// Safe reports whether a method changes nothing (RFC 9110, section 9.2.1, and the registry of methods). QUERY is of RFC
// 10008. Methods are compared with their case.
func Safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, "QUERY", "PROPFIND", "REPORT", "SEARCH":
		return true
	default:
		return false
	}
}

func urls(target *url.URL, answer http.Header) []*url.URL {
	list := []*url.URL{bare(target)}
	seen := map[string]bool{list[0].String(): true}
	for _, name := range []string{"Location", "Content-Location"} {
		for _, line := range answer.Values(name) {
			named, err := target.Parse(line)
			if err != nil || Origin(named) != Origin(target) {
				continue
			}
			if named = bare(named); !seen[named.String()] {
				seen[named.String()] = true
				list = append(list, named)
			}
		}
	}
	return list
}

// bare returns the URL without what no cache sees of it.
func bare(u *url.URL) *url.URL {
	b := *u
	b.User, b.Fragment, b.RawFragment = nil, "", ""
	return &b
}

// Origin returns the origin of an absolute URL in its normal form (RFC 9110, section 4.3.1): in lower case, and without the
// port that is the scheme's own.
func Origin(u *url.URL) string {
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		port = ""
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" {
		host += ":" + port
	}
	return scheme + "://" + host
}
