package session_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

// After Domain has changed a browser sends the old cookie and the new one. The valid one is used, whatever the order, the
// other is removed, and a login works.
func TestTwoCookiesOfOneName(t *testing.T) {
	m := node(t, redistestMini(t), session.Domain("example.com"))
	h := site(m)
	ask := func(path string, tokens ...string) *http.Response {
		return serve(h, path, "", func(r *http.Request) {
			r.Host = "shop.example.com:8443"
			for _, token := range tokens {
				r.AddCookie(&http.Cookie{Name: "__Secure-id", Value: token})
			}
		})
	}
	valid, other := login(t, m, "ann", ""), login(t, m, "bob", "")
	ended := begin(t, m, data{})
	require.NoError(t, m.Destroy(m.Attach(t.Context(), ended)))
	for _, dead := range []string{ended, "rubbish"} {
		for _, order := range [][]string{{valid, dead}, {dead, valid}} {
			res := ask("/user", order...)
			require.Equal(t, "ann", body(t, res))
			var removed []string
			for _, c := range res.Cookies() {
				require.Negative(t, c.MaxAge)
				require.Equal(t, "__Secure-id", c.Name)
				removed = append(removed, c.Domain)
			}
			require.Equal(t, []string{"", "shop.example.com"}, removed, "and not that of example.com")
		}
	}
	require.Empty(t, body(t, ask("/user", valid, other)), "one of them was planted")
	for _, tokens := range [][]string{{ended, "rubbish"}, {valid, other}} {
		res := ask("/login", tokens...)
		require.Equal(t, http.StatusOK, res.StatusCode)
		cookies := res.Cookies()
		require.Len(t, cookies, 3)
		require.Equal(t, "ann", body(t, ask("/user", cookies[2].Value)))
	}
	require.Empty(t, body(t, ask("/user", valid, "1", "2", "3", "4")), "no look-ups without end")
}

func TestOneCookieNameForTwoNamespaces(t *testing.T) {
	rdb := redistestMini(t)
	one := node(t, rdb)
	stack := func(logged int, options ...session.Option) {
		var log bytes.Buffer
		two := node(t, rdb, append(options, session.Logger(slog.New(slog.NewTextHandler(&log, nil))))...)
		h := one.Middleware(two.Middleware(http.NotFoundHandler()))
		ask := func() { serve(h, "/", "") }
		if logged > 0 {
			require.Panics(t, ask)
		} else {
			require.NotPanics(t, ask)
		}
		require.Equal(t, logged, strings.Count(log.String(), "the same cookie"), log.String())
		require.NoError(t, two.Close())
	}
	one.Middleware(http.NotFoundHandler())
	stack(1)
	stack(0, session.Namespace(one.Namespace()))
	stack(0, session.CookieName("__Host-admin"))
	stack(0, session.Bearer())
}

// shy encodes itself with methods of its pointer.
type shy struct{ secret string }

func (s *shy) MarshalJSON() ([]byte, error) { return json.Marshal(strings.ToUpper(s.secret)) }

func (s *shy) UnmarshalJSON(raw []byte) error { return json.Unmarshal(raw, &s.secret) }

func TestPointerMethodsEncode(t *testing.T) {
	rdb := redistestMini(t)
	m := session.New[shy](rdb, session.Namespace(redistest.Unique(t)))
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	ctx := m.Attach(t.Context(), "")
	require.NoError(t, m.Create(ctx, shy{"a"}))
	got, err := m.Get(ctx)
	require.NoError(t, err)
	require.Equal(t, "A", got.secret)
	require.NoError(t, m.Update(ctx, func(s *shy) error { s.secret += "b"; return nil }))
	token, err := m.Token(ctx)
	require.NoError(t, err)
	got, err = m.Get(m.Attach(t.Context(), token))
	require.NoError(t, err)
	require.Equal(t, "AB", got.secret)
}
