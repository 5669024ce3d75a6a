package session_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/session"
)

// attributes returns a cookie without its value and age: what tells it from others, and whether browsers accept it.
func attributes(t testing.TB, set string) http.Cookie {
	t.Helper()
	c, err := http.ParseSetCookie(set)
	require.NoError(t, err)
	return http.Cookie{
		Name: c.Name, Path: c.Path, Domain: c.Domain, Secure: c.Secure, HttpOnly: c.HttpOnly, SameSite: c.SameSite, Partitioned: c.Partitioned,
	}
}

// A provider posts back from its own site. Its request gets through, with the session; others do not.
func TestExemptCrossOrigin(t *testing.T) {
	m := node(t, redistestMini(t), session.SameSiteNone(), session.ExemptCrossOrigin("POST /user", "/add"))
	h := site(m)
	token := cookieOf(t, serve(h, "/login", "")).Value
	from := func(method, fetch string) func(*http.Request) {
		return func(r *http.Request) {
			r.Method = method
			r.Header.Set("Sec-Fetch-Site", fetch)
			r.Header.Set("Origin", "https://payment.example")
		}
	}
	for path, want := range map[string]int{
		"/user": http.StatusOK, "/add": http.StatusOK,
		"/logout": http.StatusForbidden, "/user/": http.StatusForbidden, "//user": http.StatusForbidden, "/x/../user": http.StatusForbidden,
	} {
		require.Equal(t, want, serve(h, path, token, from(http.MethodPost, "cross-site")).StatusCode, path)
	}
	require.Equal(t, http.StatusForbidden, serve(h, "/user", token, from(http.MethodPut, "cross-site")).StatusCode)
	require.Equal(t, http.StatusOK, serve(h, "/user", token, from(http.MethodPost, "same-origin")).StatusCode)
	require.True(t, valid(t, m, token))
}
