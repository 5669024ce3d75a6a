package session

import "net/http"

// Middleware gives each request its session. Redis is not asked before the handler uses the session, and a page that
// stores nothing gets no cookie. Cookie and headers are written when the handler first writes; [http.ResponseController],
// Flusher and Hijacker work as usual.
//
//   - A new token goes out in the cookie, with "Cache-Control: no-store".
//   - The response to a request that came with a session cookie, valid or not, has "Vary: Cookie" (or Authorization, with
//     [Bearer]). If the cookie is that of a user, or Redis is away, it has "Cache-Control: no-store". Both are there
//     whether or when the handler uses the session, so it may write first and ask for the user afterwards. A handler that
//     sets Cache-Control keeps it: do so for files that are the same for everybody, or serve them outside the middleware.
//   - Without a cookie, the response has "Vary: Cookie" if the handler uses the session before it writes. A handler that
//     uses it only afterwards is logged, once: nothing keeps a shared cache from giving that page to who is logged in.
//   - A logout removes the cookie, with "Clear-Site-Data"; see [ClearSiteData].
//   - A handler that streams (server-sent events, WebSocket, long poll) runs until it returns, whatever becomes of the session.
//     Let it work with the context of [Manager.Watch], which ends with the session.
//   - Requests that change something and come from other origins get 403 (CSRF), except with [Bearer]; see [CrossOrigin].
//
// Managers of different namespaces need a [CookieName] each on one host, also across programs: each would replace the other's
// cookie. In one process the second is logged, and a request that passes through both panics.
//
// Of several cookies of one name, as after a change of [Domain], the one with a session counts, and the others are removed.
// If several have different sessions, none counts.
//
// An invalid token is never adopted, and its cookie stays until another takes its place: a slow request must not remove
// what a login in another tab has just set. The handler answers when Redis is in trouble; it then gets an error that
// wraps [ErrUnavailable].
func (m *Manager[T]) Middleware(next http.Handler) http.Handler {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := m.p.requestOf(r.Context()); err == nil { // mounted twice
			next.ServeHTTP(w, r)
			return
		}
		refuseStacked(w, m.p)
		s := &requestSession{p: m.p}
		r = r.WithContext(s.with(r.Context()))
		s.request = r
		wrapped, rw := wrap(w, s)
		next.ServeHTTP(wrapped, r)
		rw.commit()
	})
	if m.p.bearer {
		return h
	}
	serving.add(m.p)
	return m.p.csrf.Handler(h)
}
