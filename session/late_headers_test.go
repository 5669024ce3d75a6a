package session_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

// writeFirst is a page that asks for the user when its headers have been sent.
func writeFirst(m *manager, before ...func(http.ResponseWriter)) http.Handler {
	return m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, f := range before {
			f(w)
		}
		_, _ = w.Write([]byte("hello "))
		user, _ := m.User(r.Context())
		_, _ = w.Write([]byte(user))
	}))
}

// What the request carries decides on the headers, not what the handler asks for later.
func TestHeadersDoNotComeTooLate(t *testing.T) {
	log := redistest.NewLog(0)
	m := node(t, redistestMini(t), session.Logger(log.Logger()))
	ann, nobody := login(t, m, "ann", ""), begin(t, m, data{})
	gone := login(t, m, "bob", "")
	require.NoError(t, m.DestroyAll(t.Context(), "bob"))
	for name, c := range map[string]struct{ cookie, cache, vary string }{
		"user":      {ann, "no-store", "Cookie"},
		"ended":     {gone, "no-store", "Cookie"},
		"anonymous": {nobody, "", "Cookie"},
		"malformed": {"abc", "", "Cookie"},
		"two":       {nobody + "; __Host-id=" + ann, "no-store", "Cookie"},
		"none":      {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for how, before := range map[string]func(http.ResponseWriter){
				"write":  func(http.ResponseWriter) {},
				"flush":  func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
				"status": func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot) },
			} {
				res := serve(writeFirst(m, before), "/", c.cookie)
				require.Equal(t, c.cache, res.Header.Get("Cache-Control"), how)
				require.Equal(t, c.vary, strings.Join(res.Header.Values("Vary"), ";"), how)
			}
		})
	}
	late := log.With("begun its response")
	require.Len(t, late, 1, "once, for the request without a cookie")
	require.Equal(t, "/", late[0].Attr("path").String())
}

// The handler's own headers stay, and are added to.
func TestHeadersOfTheHandlerStay(t *testing.T) {
	log := redistest.NewLog(0)
	m := node(t, redistestMini(t), session.Logger(log.Logger()))
	h := writeFirst(m, func(w http.ResponseWriter) {
		w.Header().Set("Cache-Control", "private, max-age=60")
		w.Header().Set("Vary", "Accept-Encoding")
	})
	res := serve(h, "/", login(t, m, "ann", ""))
	require.Equal(t, "private, max-age=60", res.Header.Get("Cache-Control"))
	require.Equal(t, []string{"Accept-Encoding", "Cookie"}, res.Header.Values("Vary"))
	for _, vary := range []string{"accept, cookie", "*"} {
		res = serve(writeFirst(m, func(w http.ResponseWriter) { w.Header().Set("Vary", vary) }), "/", "")
		require.Equal(t, []string{vary}, res.Header.Values("Vary"))
	}
	require.Empty(t, log.With("begun its response"), "the handler has said that the response varies")
}

func TestBearerHeadersDoNotComeTooLate(t *testing.T) {
	m := session.New[data](redistestMini(t), session.Bearer(), session.Namespace(redistest.Unique(t)))
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	token := login(t, m, "ann", "")
	for value, want := range map[string][2]string{
		"bearer " + token: {"no-store", "Authorization"},
		"Bearer x":        {"", "Authorization"},
		"Basic x":         {"", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", value)
		w := httptest.NewRecorder()
		writeFirst(m).ServeHTTP(w, r)
		require.Equal(t, want, [2]string{w.Header().Get("Cache-Control"), w.Header().Get("Vary")}, value)
	}
}

// A session that ended between its login and the first byte leaves no page in a cache either.
func TestNoStoreForALoginThatHasEnded(t *testing.T) {
	m := node(t, redistestMini(t))
	h := m.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		require.NoError(t, m.Login(r.Context(), "ann"))
		require.NoError(t, m.DestroyAll(t.Context(), "ann"))
		require.ErrorIs(t, m.Update(r.Context(), add(1)), session.ErrEnded)
	}))
	require.Equal(t, "no-store", serve(h, "/", "").Header.Get("Cache-Control"))
}
