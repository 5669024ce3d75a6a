package session_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

// serve answers one request, with the token as its cookie unless it is "".
func serve(h http.Handler, path, cookie string, change ...func(*http.Request)) *http.Response {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if cookie != "" {
		r.Header.Set("Cookie", "__Host-id="+cookie)
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// site has a page for each operation.
func site(m *manager) http.Handler {
	mux := http.NewServeMux()
	do := func(path string, f func(w http.ResponseWriter, r *http.Request) error) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			switch err := f(w, r); {
			case errors.Is(err, session.ErrUnavailable):
				http.Error(w, "try later", http.StatusServiceUnavailable)
			case err != nil:
				http.Error(w, err.Error(), http.StatusUnauthorized)
			}
		})
	}
	do("/plain", func(w http.ResponseWriter, _ *http.Request) error { _, err := w.Write([]byte("hello")); return err })
	do("/user", func(w http.ResponseWriter, r *http.Request) error {
		user, err := m.User(r.Context())
		if err == nil {
			_, err = w.Write([]byte(user))
		}
		return err
	})
	do("/add", func(_ http.ResponseWriter, r *http.Request) error { return m.Update(r.Context(), add(1)) })
	do("/login", func(_ http.ResponseWriter, r *http.Request) error { return m.Login(r.Context(), "ann") })
	do("/renew", func(_ http.ResponseWriter, r *http.Request) error { return m.Renew(r.Context()) })
	do("/logout", func(_ http.ResponseWriter, r *http.Request) error { return m.Destroy(r.Context()) })
	do("/late", func(w http.ResponseWriter, r *http.Request) error {
		_, _ = w.Write([]byte("too late"))
		if err := m.Login(r.Context(), "ann"); !errors.Is(err, session.ErrCommitted) {
			panic(err)
		}
		if err := m.Update(r.Context(), add(1)); !errors.Is(err, session.ErrCommitted) {
			panic(err)
		}
		return nil
	})
	return m.Middleware(mux)
}

func cookieOf(t testing.TB, res *http.Response) *http.Cookie {
	t.Helper()
	require.Len(t, res.Cookies(), 1)
	return res.Cookies()[0]
}

func TestCookie(t *testing.T) {
	h := site(node(t, redistestMini(t)))
	res := serve(h, "/add", "")
	c := cookieOf(t, res)
	require.Equal(t, "__Host-id="+c.Value+"; Path=/; HttpOnly; Secure; SameSite=Lax", res.Header.Get("Set-Cookie"))
	require.LessOrEqual(t, len(c.Name)+len(c.Value), 4096)
	require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	require.Equal(t, "Cookie", res.Header.Get("Vary"))
	require.Empty(t, serve(h, "/add", c.Value).Cookies(), "the client has it")

	in := cookieOf(t, serve(h, "/login", c.Value))
	require.NotEqual(t, c.Value, in.Value)
	res = serve(h, "/user", in.Value)
	require.Equal(t, "no-store", res.Header.Get("Cache-Control"), "a page of somebody who is logged in")

	res = serve(h, "/logout", in.Value)
	require.Equal(t, "__Host-id=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax", res.Header.Get("Set-Cookie"))
	require.Equal(t, `"cache", "storage"`, res.Header.Get("Clear-Site-Data"))
	require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
}

func TestAnonymousPages(t *testing.T) {
	sent := &redistest.Commands{Args: true}
	h := site(node(t, redistestMini(t), session.Hooks(sent.Hook())))
	token := cookieOf(t, serve(h, "/add", "")).Value
	texts(sent)
	res := serve(h, "/plain", token)
	require.Empty(t, res.Header["Set-Cookie"])
	require.Equal(t, "Cookie", res.Header.Get("Vary"), "it may be different without the cookie")
	require.Empty(t, res.Header["Cache-Control"])
	require.Empty(t, texts(sent), "a page that does not use the session asks Redis nothing")
	require.Empty(t, serve(h, "/plain", "").Header["Vary"])
	res = serve(h, "/user", "")
	require.Empty(t, res.Header["Set-Cookie"])
	require.Equal(t, "Cookie", res.Header.Get("Vary"))
	require.Empty(t, texts(sent))
	res = serve(h, "/user", token)
	require.Empty(t, res.Header["Set-Cookie"])
	require.Empty(t, res.Header["Cache-Control"])
	require.Len(t, texts(sent), 2, "GET and PTTL")
}

// Strict mode: a token that the server has not issued is never adopted, and the cookie of another tab is not removed.
func TestUnknownTokensAreNotAdopted(t *testing.T) {
	m := node(t, redistestMini(t))
	h := site(m)
	planted := strings.Repeat("A", 64)
	res := serve(h, "/user", planted)
	require.Empty(t, res.Header["Set-Cookie"])
	c := cookieOf(t, serve(h, "/add", planted))
	require.NotEqual(t, planted, c.Value)
	require.NotEqual(t, planted[:21], c.Value[:21], "no part of it")
	require.False(t, valid(t, m, planted))
}

// The cookie of a session that was ended before the headers are sent is left out: it could replace the cookie of a
// login in another tab.
func TestNoCookieOfAnEndedSession(t *testing.T) {
	m := node(t, redistestMini(t))
	h := m.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		require.NoError(t, m.Login(r.Context(), "ann"))
		require.NoError(t, m.DestroyAll(t.Context(), "ann"))
		require.ErrorIs(t, m.Update(r.Context(), add(1)), session.ErrEnded)
	}))
	require.Empty(t, serve(h, "/", "").Header["Set-Cookie"])
}

func TestLateChangesAreRefused(t *testing.T) {
	m := node(t, redistestMini(t))
	res := serve(site(m), "/late", "")
	require.Empty(t, res.Header["Set-Cookie"])
	require.Zero(t, m.Stats().Saves)
}

func TestHostileCookiesNeverReachRedis(t *testing.T) {
	var seen events
	sent := &redistest.Commands{Args: true}
	m := node(t, redistestMini(t), session.Hooks(sent.Hook()), session.OnEvent(seen.observe))
	h := site(m)
	good := cookieOf(t, serve(h, "/add", "")).Value
	texts(sent)
	seen.kinds()
	for name, header := range map[string]string{
		"short":              "__Host-id=abc",
		"long":               "__Host-id=" + strings.Repeat("A", 100_000),
		"one more":           "__Host-id=" + good + "A",
		"one less":           "__Host-id=" + good[1:],
		"plus":               "__Host-id=" + strings.Repeat("+", 64),
		"padding":            "__Host-id=" + strings.Repeat("A", 62) + "==",
		"star":               "__Host-id=" + strings.Repeat("*", 64),
		"braces":             "__Host-id={" + strings.Repeat("A", 62) + "}",
		"umlauts":            "__Host-id=" + strings.Repeat("ä", 32),
		"full width":         "__Host-id=" + strings.Repeat("Ａ", 22),
		"percent":            "__Host-id=" + strings.Repeat("%41", 21) + "A",
		"quoted":             `__Host-id="` + good + `"`,
		"two":                "__Host-id=" + good + "; __Host-id=" + strings.Repeat("A", 64),
		"two, planted first": "__Host-id=" + strings.Repeat("A", 64) + "; __Host-id=" + good,
		"spare bits":         "__Host-id=" + strings.Repeat("A", 85) + "B",
		"many":               strings.Repeat("__Host-id=x; ", 2000) + "__Host-id=" + good,
		"empty":              "__Host-id=",
		"session:key":        "__Host-id=session:s:" + strings.Repeat("A", 54),
	} {
		t.Run(name, func(t *testing.T) {
			res := serve(h, "/user", "", func(r *http.Request) { r.Header.Set("Cookie", header) })
			require.Equal(t, http.StatusOK, res.StatusCode)
			require.Empty(t, res.Header["Set-Cookie"])
			require.Empty(t, texts(sent))
			seen.kinds()
		})
	}
	// A header without the cookie, and one that has it twice with the same value, are no attack.
	for _, header := range []string{"id=" + good, "__host-id=" + good, "__Host-id2=" + good} {
		serve(h, "/user", "", func(r *http.Request) { r.Header.Set("Cookie", header) })
		require.Empty(t, texts(sent))
	}
	serve(h, "/user", "", func(r *http.Request) { r.Header.Set("Cookie", "__Host-id="+good+"; __Host-id="+good) })
	require.NotEmpty(t, texts(sent))
}

// All parts of a token are hashed before they become part of a key.
func TestNoPartOfATokenIsSentToRedis(t *testing.T) {
	sent := &redistest.Commands{Args: true}
	m := node(t, redistestMini(t), session.Hooks(sent.Hook()))
	for _, token := range []string{strings.Repeat("Abcd", 16), strings.Repeat("Abcd", 21) + "AQ"} {
		require.False(t, valid(t, m, token))
		text := strings.Join(texts(sent), "\n")
		require.NotEmpty(t, text)
		require.NotContains(t, text, "AbcdAbcd")
	}
}

func TestCrossOriginRequestsAreRefused(t *testing.T) {
	m := node(t, redistestMini(t))
	h := site(m)
	token := cookieOf(t, serve(h, "/login", "")).Value
	post := func(site string) func(r *http.Request) {
		return func(r *http.Request) { r.Method = http.MethodPost; r.Header.Set("Sec-Fetch-Site", site) }
	}
	require.Equal(t, http.StatusForbidden, serve(h, "/logout", token, post("cross-site")).StatusCode)
	require.True(t, valid(t, m, token))
	require.Equal(t, http.StatusOK, serve(h, "/logout", token, post("same-origin")).StatusCode)
	require.False(t, valid(t, m, token))
}

func TestBearer(t *testing.T) {
	sent := &redistest.Commands{Args: true}
	m := session.New[data](redistestMini(t), session.Timeout(soon), session.Bearer(), session.Hooks(sent.Hook()), session.Namespace(redistest.Unique(t)))
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	var token string
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(_ http.ResponseWriter, r *http.Request) {
		require.NoError(t, m.Login(r.Context(), "ann"))
		var err error
		token, err = m.Token(r.Context())
		require.NoError(t, err)
	})
	mux.HandleFunc("/user", func(w http.ResponseWriter, r *http.Request) {
		user, err := m.User(r.Context())
		require.NoError(t, err)
		w.Header().Set("User", user)
	})
	h := m.Middleware(mux)
	res := serve(h, "/login", "")
	require.Empty(t, res.Header["Set-Cookie"])
	require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	require.Equal(t, "Authorization", res.Header.Get("Vary"))
	auth := func(values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header["Authorization"] = values }
	}
	for _, value := range []string{"Bearer " + token, "bearer " + token, "BEARER " + token} {
		require.Equal(t, "ann", serve(h, "/user", "", auth(value)).Header.Get("User"))
	}
	texts(sent)
	for _, values := range [][]string{
		{"Bearer  " + token},
		{"Bearer " + token + " "},
		{"Basic " + token},
		{token},
		{"Bearer"},
		{""},
		{"Bearer " + token, "Bearer " + token},
		{"Bearer " + token + "," + token},
	} {
		require.Empty(t, serve(h, "/user", "", auth(values...)).Header.Get("User"), "%q", values)
		require.Empty(t, texts(sent))
	}
	require.Empty(t, serve(h, "/user", token).Header.Get("User"), "cookies are not looked at")
}

func TestVaryIsKept(t *testing.T) {
	m := node(t, redistestMini(t))
	for before, after := range map[string][]string{
		"": {"Cookie"}, "*": {"*"}, "accept, cookie": {"accept, cookie"}, "Accept": {"Accept", "Cookie"},
	} {
		h := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if before != "" {
				w.Header().Set("Vary", before)
			}
			_, _ = m.User(r.Context())
		}))
		require.Equal(t, after, serve(h, "/", "").Header["Vary"])
	}
}

func TestMountedTwice(t *testing.T) {
	m := node(t, redistestMini(t))
	res := serve(m.Middleware(site(m)), "/add", "")
	cookieOf(t, res)
}
