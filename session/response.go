package session

import (
	"net/http"
	"slices"
	"strings"
)

// commit writes the headers of the response. After it the client can't be given another token. What the request carries
// decides, because a handler may use the session after its first Write. It is called without mu held.
func (s *requestSession) commit(h http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.committed {
		return
	}
	s.committed = true
	if s.several && s.state == live && !s.p.bearer {
		s.expireOthers(h)
	}
	given, ofUser := s.p.carries(s.request)
	switch {
	case s.issued != "" && s.state == live: // not if others have ended it since
		h.Set("Cache-Control", "no-store")
		s.setCookie(h, s.issued)
		s.warnPlain()
	case s.ended:
		h.Set("Cache-Control", "no-store")
		s.setCookie(h, "")
		if s.loggedOut && s.p.clear != "" && !s.p.bearer {
			h.Set("Clear-Site-Data", s.p.clear)
		}
	case (s.away || s.issued != "" || ofUser) && h.Get("Cache-Control") == "":
		h.Set("Cache-Control", "no-store")
	}
	if s.varies = varies(h, s.p.vary()); !s.varies && (s.touched || given) {
		h.Add("Vary", s.p.vary())
		s.varies = true
	}
}

// setCookie sets the cookie, or removes it if the value is empty.
func (s *requestSession) setCookie(h http.Header, value string) {
	if s.p.bearer {
		return
	}
	c := http.Cookie{
		Name: s.p.cookie, Value: value, Path: s.p.path, Domain: s.p.domain,
		Secure: !s.p.insecure, HttpOnly: true, SameSite: s.p.sameSite, Partitioned: s.p.partitioned,
	}
	switch {
	case value == "":
		c.MaxAge = -1
	case s.lasting():
		c.MaxAge = s.cookieAge()
	}
	h.Add("Set-Cookie", c.String())
}

// varies reports whether the headers say that the response depends on the header of that name.
func varies(h http.Header, name string) bool {
	for _, line := range h.Values("Vary") {
		if slices.ContainsFunc(strings.Split(line, ","), func(v string) bool {
			v = strings.TrimSpace(v)
			return v == "*" || strings.EqualFold(v, name)
		}) {
			return true
		}
	}
	return false
}
