package session

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// Middleware gives each request its session. Nothing is asked of Redis before the handler uses the session, a page that
// does not use it gets no header, and one that stores nothing gets no cookie. Cookie and headers are written when the
// handler first writes; [http.ResponseController], Flusher and Hijacker work as without it.
//
//   - A new token goes out in the cookie, with "Cache-Control: no-store".
//   - A response that depends on the session has "Vary: Cookie" (or Authorization, with [Bearer]); one to a user who is
//     logged in, or would perhaps be if Redis were not away, has "Cache-Control: no-store", unless the handler sets
//     Cache-Control itself.
//   - A logout removes the cookie, with "Clear-Site-Data"; see [ClearSiteData].
//   - Requests that change something and come from other origins get 403 (CSRF), but with [Bearer]; see [CrossOrigin].
//
// A token that is not valid is never adopted, and the cookie that has it stays until another takes its place: a slow
// request must not remove what a login in another tab has just set. Trouble with Redis is for the handler to answer,
// which meets it as an error that wraps [ErrUnavailable].
func (m *Manager[T]) Middleware(next http.Handler) http.Handler {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := m.e.scope(r.Context()); err == nil { // mounted twice
			next.ServeHTTP(w, r)
			return
		}
		s := &scope{e: m.e}
		r = r.WithContext(context.WithValue(r.Context(), scopeKey{m.e}, s))
		s.request = r
		wrapped, rw := wrap(w, s)
		next.ServeHTTP(wrapped, r)
		rw.commit()
	})
	if m.e.bearer {
		return h
	}
	return m.e.csrf.Handler(h)
}

// presented is the token that came with the request. What is not one, or not the only one, counts as none: of several
// cookies with the name somebody else may have planted one.
func (s *scope) presented() (t token, ok bool) {
	text, given := s.text, s.text != ""
	if s.request != nil {
		text, given = s.e.tokenOf(s.request)
	}
	if t, ok = parseToken(text); given && !ok {
		s.e.report(Event{Kind: Malformed})
	}
	return t, ok
}

// tokenOf returns "" for several different ones.
func (e *engine) tokenOf(r *http.Request) (text string, given bool) {
	if e.bearer {
		return bearerOf(r)
	}
	cookies := r.CookiesNamed(e.cookie)
	if len(cookies) == 0 {
		return "", false
	}
	for _, c := range cookies {
		if c.Quoted || c.Value != cookies[0].Value {
			return "", true
		}
	}
	return cookies[0].Value, true
}

// bearerOf reads "Authorization: Bearer token" (RFC 6750 section 2.1; the scheme in any case, RFC 9110 section 11.1).
// Other schemes are somebody else's.
func bearerOf(r *http.Request) (text string, given bool) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return "", false
	}
	scheme, text, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	if len(values) > 1 {
		return "", true
	}
	return text, true
}

// commit writes the headers. After it the client can't be told anything more.
func (s *scope) commit(h http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.committed {
		return
	}
	s.committed = true
	switch {
	case s.issued != "" && s.state == live: // and nobody ended it meanwhile
		h.Set("Cache-Control", "no-store")
		s.setCookie(h, s.issued)
	case s.ended:
		h.Set("Cache-Control", "no-store")
		s.setCookie(h, "")
		if s.e.clear != "" && !s.e.bearer {
			h.Set("Clear-Site-Data", s.e.clear)
		}
	case (s.away || s.state == live && s.rec.body.user != "") && h.Get("Cache-Control") == "":
		h.Set("Cache-Control", "no-store")
	}
	if s.touched {
		vary := "Cookie"
		if s.e.bearer {
			vary = "Authorization"
		}
		addVary(h, vary)
	}
}

// setCookie sets the cookie, or removes it.
func (s *scope) setCookie(h http.Header, value string) {
	if s.e.bearer {
		return
	}
	c := http.Cookie{
		Name: s.e.cookie, Value: value, Path: "/", Domain: s.e.domain,
		Secure: !s.e.insecure, HttpOnly: true, SameSite: s.e.sameSite,
	}
	switch {
	case value == "":
		c.MaxAge = -1
	case s.e.persistent:
		c.MaxAge = int(s.e.absolute.Seconds())
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
