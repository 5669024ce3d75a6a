package ratelimit

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// matcher finds the rules for a request. Its mux knows which pattern is the most specific. But the router of the program
// may read a path in another way than the mux does, so all that a router could read are looked up, and each rule that one
// of them finds applies: no spelling is a way around a rule.
type matcher struct{ mux *http.ServeMux }

// matched is a rule in the mux. The mux never calls it.
type matched struct {
	http.Handler
	path    string   // of the pattern
	limiter *Limiter // nil if the rule is unlimited
}

// add registers a rule. The mux panics if a pattern is bad; add returns that as an error.
func (m *matcher) add(match string, l *Limiter) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	method, rest := "", match
	if i := strings.IndexAny(match, " \t"); i >= 0 {
		method, rest = match[:i+1], strings.TrimLeft(match[i:], " \t")
	}
	slash := max(0, strings.IndexByte(rest, '/'))
	host := strings.TrimRight(strings.ToLower(rest[:slash]), ".")
	if strings.ContainsRune(host, ':') && host[0] != '[' {
		return errors.New("a host is matched without its port; leave the port out")
	}
	m.mux.Handle(method+host+rest[slash:], &matched{path: rest[slash:], limiter: l})
	return nil
}

// find returns the limiters of the rules that apply to a request. It reports false if no rule does, also if the only ones
// are unlimited and not for every reading of the path.
func (m *matcher) find(r *http.Request) (limiters []*Limiter, ok bool) {
	ok = true
	host := normalHost(r.Host)
	paths := pathsOf(r.URL)
	for _, p := range paths {
		var found *matched
		if len(paths) == 1 && host == r.Host {
			found = m.lookup(r, p)
		} else {
			found = m.lookup(requestFor(r.Method, host, p), p)
		}
		ok = ok && found != nil
		limiters = found.addTo(limiters)
		if strings.HasSuffix(p, "/") && !found.isExactly(p) { // for routers that ignore a final slash
			p = strings.TrimRight(p, "/")
			limiters = m.lookup(requestFor(r.Method, host, p), p).addTo(limiters)
		}
	}
	return limiters, ok || len(limiters) > 0
}

// lookup returns the rule of the most specific pattern, or nil. For a pattern that ends in a slash the mux redirects a path
// without; others serve it.
func (m *matcher) lookup(r *http.Request, escaped string) *matched {
	h, _ := m.mux.Handler(r)
	found, _ := h.(*matched)
	if found == nil && !strings.HasSuffix(escaped, "/") {
		h, _ = m.mux.Handler(requestFor(r.Method, r.Host, escaped+"/"))
		found, _ = h.(*matched)
	}
	return found
}

func (m *matched) addTo(limiters []*Limiter) []*Limiter {
	if m == nil || m.limiter == nil || slices.Contains(limiters, m.limiter) {
		return limiters
	}
	return append(limiters, m.limiter)
}

// isExactly reports whether the pattern is about a path that ends in a slash, and not about all below another.
func (m *matched) isExactly(escaped string) bool {
	if m == nil {
		return false
	}
	pattern := strings.TrimSuffix(m.path, "{$}")
	return strings.HasSuffix(pattern, "/") && strings.Count(pattern, "/") == strings.Count(escaped, "/")
}

func requestFor(method, host, escaped string) *http.Request {
	u := &url.URL{Path: escaped}
	if p, err := url.PathUnescape(escaped); err == nil {
		u = &url.URL{Path: p, RawPath: escaped}
	}
	return &http.Request{Method: method, Host: host, URL: u}
}

// normalHost is a host as DNS compares it: without port and final dot, in lower case.
func normalHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil && !strings.HasPrefix(host, "[") {
		host = name
	}
	return strings.ToLower(strings.TrimRight(host, "."))
}

// pathsOf returns the paths, in escaped form, that a router may take a URL's for: as it was sent, segment by
// segment or letter by letter, decoded, or decoded once more; and each of them with dots and double slashes resolved, or as they stand. Most URLs have one.
func pathsOf(u *url.URL) []string {
	escaped := u.EscapedPath()
	first := clean(escaped)
	if u.RawPath == "" && first == escaped && strings.IndexByte(u.Path, '%') < 0 {
		return []string{first}
	}
	all := []string{first}
	for _, p := range []string{escaped, escapePath(escaped), escapePath(u.Path), escapePath(unescapeOnce(u.Path))} {
		for _, one := range []string{clean(p), asItStands(p)} {
			if !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	return all
}

func escapePath(p string) string { return (&url.URL{Path: p}).EscapedPath() }

// unescapeOnce decodes what can be decoded, unlike url.PathUnescape, which fails for all if a part can't be.
func unescapeOnce(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		if p[i] == '%' && i+2 < len(p) {
			if c, err := url.PathUnescape(p[i : i+3]); err == nil {
				b.WriteString(c)
				i += 2
				continue
			}
		}
		b.WriteByte(p[i])
	}
	return b.String()
}

// clean resolves dots and double slashes. It keeps the final slash.
func clean(p string) string {
	if p == "" || p[0] != '/' {
		p = "/" + p
	}
	cleaned := path.Clean(p)
	if p[len(p)-1] == '/' && cleaned != "/" {
		return cleaned + "/"
	}
	return cleaned
}

// asItStands makes of dots and of nothing between slashes segments like any other, which a mux does not resolve.
func asItStands(p string) string {
	segments := strings.Split(strings.TrimPrefix(p, "/"), "/")
	for i, s := range segments {
		switch {
		case s == "." || s == "..":
			segments[i] = strings.ReplaceAll(s, ".", "%2E")
		case s == "" && i < len(segments)-1:
			segments[i] = "%00"
		}
	}
	return "/" + strings.Join(segments, "/")
}
