// Package sessiontest is for the tests of programs that use sessions. It needs no Redis: the sessions are in the memory of
// the test's process, and behave as in production, scripts included. In a bubble of testing/synctest they expire by its
// clock, so a test of a timeout need not wait for it: half an hour takes about a second.
package sessiontest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/jollyjet/aside/internal/memredis"
	"github.com/jollyjet/aside/session"
)

// New returns a manager with a memory of its own. It is closed when the test ends.
func New[T any](t testing.TB, opts ...session.Option) *session.Manager[T] {
	t.Helper()
	rdb, done := memredis.Open()
	m := session.New[T](rdb, opts...)
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if err := done(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// Login gives a request the session of a user who has just logged in, with data that setup puts into it unless it is nil.
// The request then has the cookie, or with session.Bearer the header, of that session. It must not have another one.
func Login[T any](t testing.TB, m *session.Manager[T], r *http.Request, user string, setup func(*T) error) {
	t.Helper()
	var token string
	w := httptest.NewRecorder()
	m.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		err := m.Login(r.Context(), user)
		if err == nil && setup != nil {
			err = m.Update(r.Context(), setup)
		}
		if err == nil {
			token, err = m.Token(r.Context())
		}
		if err != nil {
			t.Fatalf("sessiontest: %q can't log in: %v", user, err)
		}
	})).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	cookies := w.Result().Cookies()
	if len(cookies) == 0 {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
}
