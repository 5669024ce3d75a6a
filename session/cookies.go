package session

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// choose returns the one of several tokens that has a session, or the last if none has. If they have different sessions
// it returns nil: somebody else may have planted one of the cookies.
func (s *requestSession) choose(ctx context.Context, tokens []token) (*token, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	if len(tokens) == 1 {
		return &tokens[0], nil
	}
	var chosen *token
	graced := false
	for i := range tokens {
		f, err := s.p.read(ctx, &tokens[i])
		switch {
		case errors.Is(err, ErrNoSession):
			continue
		case err != nil:
			return nil, err
		case chosen != nil && chosen.handle() != tokens[i].handle():
			s.p.report(Event{Kind: Malformed})
			return nil, nil
		case chosen == nil || graced: // the current id of a session goes before the one it replaced
			chosen, graced = &tokens[i], f.inGrace
		}
	}
	if chosen == nil {
		chosen = &tokens[len(tokens)-1]
	}
	return chosen, nil
}

// expireOthers removes the other cookies of the name that the client may have, which were set with another Domain or Path.
// That of this manager stays.
func (s *requestSession) expireOthers(h http.Header) {
	host := s.request.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	domains := []string{""}
	if net.ParseIP(host) == nil && !strings.HasPrefix(s.p.cookie, "__Host-") {
		for name := strings.ToLower(host); strings.Contains(name, ".") && len(domains) <= maxCookies; _, name, _ = strings.Cut(name, ".") {
			domains = append(domains, name)
		}
	}
	paths := []string{"/"}
	if s.p.path != "/" {
		paths = append(paths, s.p.path)
	}
	for _, domain := range domains {
		for _, path := range paths {
			if domain == s.p.domain && path == s.p.path {
				continue
			}
			c := http.Cookie{
				Name: s.p.cookie, Domain: domain, Path: path, MaxAge: -1,
				Secure: !s.p.insecure, HttpOnly: true, SameSite: s.p.sameSite, Partitioned: s.p.partitioned,
			}
			h.Add("Set-Cookie", c.String())
		}
	}
}

// warnPlain logs, once, that a browser which speaks plain HTTP does not keep the cookie that it is sent.
func (s *requestSession) warnPlain() {
	r := s.request
	host := r.URL.Hostname()
	if host == "" {
		host = (&url.URL{Host: r.Host}).Hostname()
	}
	ip := net.ParseIP(host)
	local := host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
	if s.p.insecure || s.p.bearer || r.TLS != nil || local || overTLS(r) {
		return
	}
	s.p.plain.Do(func() {
		s.p.conn.Log.Warn("aside: a session cookie with Secure was sent over plain HTTP, and browsers drop it there, so nobody stays logged in: "+
			"serve HTTPS, or use localhost or session.InsecureDevelopment() in development; if a proxy ends TLS, let it send X-Forwarded-Proto", "host", host)
	})
}

// overTLS reports whether a proxy or the browser says that the client speaks HTTPS.
func overTLS(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") ||
		strings.Contains(strings.ToLower(r.Header.Get("Forwarded")), "proto=https") ||
		strings.HasPrefix(r.Header.Get("Origin"), "https://") || r.Header.Get("Sec-Fetch-Site") != ""
}

// serving are the managers with a Middleware, by the name of their cookie. It is for a log line only.
var serving cookieNames

type cookieNames struct {
	mu sync.Mutex
	by map[string][]*protocol // guarded by mu
}

// add logs if a manager of another namespace has the cookie, too. They may serve different hosts, or one of them be out of
// use, so it is no panic.
func (n *cookieNames) add(p *protocol) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, other := range n.by[p.cookie] {
		if other == p {
			return
		}
		overlap := strings.HasPrefix(p.path, other.path) || strings.HasPrefix(other.path, p.path)
		if other.conn.Namespace != p.conn.Namespace && other.domain == p.domain && overlap {
			p.conn.Log.Error("aside: two session managers of different namespaces have the same cookie, so on one host each replaces "+
				"that of the other: give each a session.CookieName of its own, or close the one that is not used any more",
				"cookie", p.cookie, "namespaces", []string{other.conn.Namespace, p.conn.Namespace})
			break
		}
	}
	if n.by == nil {
		n.by = map[string][]*protocol{}
	}
	n.by[p.cookie] = append(n.by[p.cookie], p)
}

func (n *cookieNames) remove(p *protocol) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var left []*protocol
	for _, other := range n.by[p.cookie] {
		if other != p {
			left = append(left, other)
		}
	}
	delete(n.by, p.cookie)
	if left != nil {
		n.by[p.cookie] = left
	}
}
