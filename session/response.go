package session

import (
	"net/http"
	"slices"
	"strings"
)

// commit writes the headers of the response. After it the client can't be given another token. It is called without mu
// held.
func (s *requestSession) commit(h http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.committed {
		return
	}
	s.committed = true
	switch {
	case s.issued != "" && s.state == live: // not if others have ended it since
		h.Set("Cache-Control", "no-store")
		s.setCookie(h, s.issued)
	case s.ended:
		h.Set("Cache-Control", "no-store")
		s.setCookie(h, "")
		if s.p.clear != "" && !s.p.bearer {
			h.Set("Clear-Site-Data", s.p.clear)
		}
	case (s.away || s.state == live && s.rec.body.user != "") && h.Get("Cache-Control") == "":
		h.Set("Cache-Control", "no-store")
	}
	if s.touched {
		vary := "Cookie"
		if s.p.bearer {
			vary = "Authorization"
		}
		addVary(h, vary)
	}
}

// setCookie sets the cookie, or removes it if the value is empty.
func (s *requestSession) setCookie(h http.Header, value string) {
	if s.p.bearer {
		return
	}
	c := http.Cookie{
		Name: s.p.cookie, Value: value, Path: "/", Domain: s.p.domain,
		Secure: !s.p.insecure, HttpOnly: true, SameSite: s.p.sameSite,
	}
	switch {
	case value == "":
		c.MaxAge = -1
	case s.p.persistent:
		c.MaxAge = int(s.p.absolute.Seconds())
	}
	h.Add("Set-Cookie", c.String())
}

func addVary(h http.Header, name string) {
	for _, line := range h.Values("Vary") {
		if slices.ContainsFunc(strings.Split(line, ","), func(v string) bool {
			v = strings.TrimSpace(v)
			return v == "*" || strings.EqualFold(v, name)
		}) {
			return
		}
	}
	h.Add("Vary", name)
}
