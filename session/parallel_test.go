package session_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

// jar is the cookie of one browser.
type jar struct{ cookie string }

// take applies the response to a request, as a browser does.
func (j *jar) take(res *http.Response) {
	for _, c := range res.Cookies() {
		if j.cookie = c.Value; c.MaxAge < 0 {
			j.cookie = ""
		}
	}
}

// Fifty pages that were requested before a login are handled after it. The login stays, and none of their changes is
// reported as stored.
func TestParallelRequestsDoNotUndoALogin(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for _, by := range []string{"/login", "/renew"} {
			t.Run(by, func(t *testing.T) {
				m := node(t, rdb)
				h := site(m)
				var browser jar
				browser.take(serve(h, "/add", ""))
				if by == "/renew" {
					browser.take(serve(h, "/login", browser.cookie))
				}
				old := browser.cookie
				browser.take(serve(h, by, old))
				for _, late := range []string{"/add", "/renew", "/logout"} {
					for range 50 {
						res := serve(h, late, old)
						require.Empty(t, res.Cookies())
						require.Equal(t, http.StatusUnauthorized, res.StatusCode)
						browser.take(res)
					}
				}
				require.Equal(t, 1, get(t, m, browser.cookie).N)
				require.Equal(t, "ann", body(t, serve(h, "/user", browser.cookie)))
				require.Empty(t, body(t, serve(h, "/user", old)), "an old token is worth nothing")
			})
		}
	})
}

// Every order in which requests from one jar are handled, and every order in which their cookies arrive after that of
// the last login that was handled before them: the browser's session is that of a login that nothing has ended, and has
// every change that was confirmed for it.
func TestEveryInterleavingOfOneJar(t *testing.T) {
	rdb := redistestMini(t)
	m := node(t, rdb)
	h := site(m)
	for _, start := range []string{"/add", "/login"} {
		for _, inFlight := range permutations([]string{"/login", "/renew", "/logout", "/add", "/add"}) {
			var browser jar
			browser.take(serve(h, "/add", ""))
			if start == "/login" {
				browser.take(serve(h, "/login", browser.cookie))
			}
			sent := browser.cookie
			responses := make([]*http.Response, len(inFlight))
			loggedIn := -1
			for i, path := range inFlight {
				responses[i] = serve(h, path, sent)
				if path == "/login" {
					loggedIn = i
				}
			}
			for _, after := range permutations(responses[loggedIn+1:]) {
				browser.take(responses[loggedIn])
				for _, res := range after {
					browser.take(res)
				}
				require.Equal(t, "ann", body(t, serve(h, "/user", browser.cookie)), "%s %v", start, inFlight)
			}
			// What others have stored before the login is there, unless the session had been ended.
			want := 1
			for i, path := range inFlight[:loggedIn] {
				switch ok := responses[i].StatusCode == http.StatusOK; {
				case ok && path == "/add":
					want++
				case ok && path == "/logout":
					want = 0
				}
			}
			require.Equal(t, want, get(t, m, browser.cookie).N, "%s %v", start, inFlight)
		}
	}
}

func body(t testing.TB, res *http.Response) string {
	t.Helper()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(raw)
}

func permutations[E any](all []E) (orders [][]E) {
	if len(all) == 0 {
		return [][]E{nil}
	}
	for i := range all {
		rest := slices.Delete(slices.Clone(all), i, i+1)
		for _, order := range permutations(rest) {
			orders = append(orders, append([]E{all[i]}, order...))
		}
	}
	return orders
}

// Of the requests with a token that has expired, one begins a session.
func TestOneRequestBeginsASessionForAnUnknownToken(t *testing.T) {
	m := node(t, redistestMini(t))
	stale := "A" + strings.Repeat("B", 63)
	first := m.Attach(t.Context(), stale)
	require.NoError(t, m.Update(first, add(1)))
	require.ErrorIs(t, m.Update(m.Attach(t.Context(), stale), add(1)), session.ErrEnded)
	require.ErrorIs(t, m.Create(m.Attach(t.Context(), stale), data{}), session.ErrEnded)
	require.NoError(t, m.Login(m.Attach(t.Context(), stale), "ann"), "whoever has a password is let in")
	require.Equal(t, 1, get(t, m, tokenOf(t, m, first)).N)
	other := "B" + strings.Repeat("B", 63)
	require.NoError(t, m.Login(m.Attach(t.Context(), other), "ann"))
	require.ErrorIs(t, m.Update(m.Attach(t.Context(), other), add(1)), session.ErrEnded)
}

// A replaced token opens nothing, not even during the grace period, and is an event after it.
func TestReplacedTokens(t *testing.T) {
	for by, replace := range map[string]func(t *testing.T, m *manager, token string) string{
		"login": func(t *testing.T, m *manager, token string) string { return login(t, m, "ann", token) },
		"renew": func(t *testing.T, m *manager, token string) string {
			ctx := m.Attach(t.Context(), token)
			require.NoError(t, m.Renew(ctx))
			return tokenOf(t, m, ctx)
		},
	} {
		t.Run(by, func(t *testing.T) {
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				var seen events
				m := node(t, rdb, session.OnEvent(seen.observe), session.RenewGrace(20*time.Second))
				old := begin(t, m, data{N: 1})
				current := replace(t, m, old)
				for _, age := range []time.Duration{0, 19 * time.Second} {
					time.Sleep(age)
					seen.kinds()
					require.False(t, valid(t, m, old))
					require.Equal(t, "missing", seen.kinds())
				}
				time.Sleep(2 * time.Second)
				require.False(t, valid(t, m, old))
				require.Equal(t, "reused", seen.kinds())
				require.EqualValues(t, 1, m.Stats().Reused)
				require.Equal(t, 1, get(t, m, current).N)
			})
		})
	}
}

// A full Redis refuses marks. Sessions end all the same.
func TestEndsWithoutAMark(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		refuse := redistest.Hook(func(_ context.Context, cmds []redis.Cmder, send func() error) error {
			err := send()
			for _, cmd := range cmds {
				if cmd.Name() == "set" && strings.Contains(fmt.Sprint(cmd.Args()...), ":e:") {
					cmd.SetErr(errors.New("OOM command not allowed when used memory > 'maxmemory'"))
				}
			}
			return err
		})
		m := node(t, rdb, session.Hooks(refuse))
		anonymous := begin(t, m, data{N: 1})
		token := login(t, m, "ann", anonymous)
		require.False(t, valid(t, m, anonymous))
		require.Equal(t, 1, get(t, m, token).N)
		require.NoError(t, m.Destroy(m.Attach(t.Context(), token)))
		require.False(t, valid(t, m, token))
	})
}
