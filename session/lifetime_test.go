package session_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

// long is far above the idle and absolute times of these tests.
const long = 2 * time.Hour

func remember(t testing.TB, m *manager, token string) string {
	t.Helper()
	ctx := m.Attach(t.Context(), token)
	require.NoError(t, m.Login(ctx, "ann", session.Lifetime(long)))
	return tokenOf(t, m, ctx)
}

// A session with a lifetime of its own lasts for it to the millisecond, used or not, whichever way it was begun.
func TestLifetimeToTheMillisecond(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		ns := redistest.Unique(t)
		m := node(t, rdb, session.Namespace(ns), session.Idle(idle), session.Absolute(time.Hour/2))
		for name, before := range map[string]func() string{
			"new":       func() string { return "" },
			"anonymous": func() string { return begin(t, m, data{N: 1}) },
			"again":     func() string { return login(t, m, "ann", "") },
			"other":     func() string { return login(t, m, "bob", "") },
		} {
			token := remember(t, m, before())
			began := time.Now()
			for used := name != "new"; used && time.Since(began) < long-50*time.Minute; {
				time.Sleep(47 * time.Minute)
				require.NoError(t, m.Update(m.Attach(t.Context(), token), add(1)), name)
			}
			time.Sleep(long - time.Since(began) - ms)
			list, err := m.List(t.Context(), "ann")
			require.NoError(t, err)
			require.Len(t, list, 1)
			require.Equal(t, long, list[0].Deadline.Sub(list[0].Since))
			ctx := m.Attach(t.Context(), token)
			require.NoError(t, m.Renew(ctx), "a renewal does not prolong it")
			time.Sleep(ms)
			require.False(t, valid(t, m, tokenOf(t, m, ctx)))
			require.Empty(t, keysOf(t, rdb, ns))
		}
	})
}

func TestLifetimeIsSeenAndRenewedInUse(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb, session.Idle(idle), session.RenewEvery(15*time.Minute))
		h := site(m)
		token := remember(t, m, "")
		for range 7 {
			time.Sleep(16 * time.Minute)
			res := serve(h, "/user", token)
			require.Len(t, res.Cookies(), 1)
			token = res.Cookies()[0].Value
			require.LessOrEqual(t, res.Cookies()[0].MaxAge, int(long.Seconds()))
			info, err := m.Info(m.Attach(t.Context(), token))
			require.NoError(t, err)
			require.LessOrEqual(t, time.Since(info.LastSeen), idle/10)
		}
		slides := m.Stats().Slides
		for range 300 {
			time.Sleep(time.Second)
			require.True(t, valid(t, m, token))
		}
		require.EqualValues(t, 5, m.Stats().Slides-slides, "reads stay reads")

		// Who logs in again without asking to be remembered is not.
		login(t, m, "ann", token)
		time.Sleep(idle)
		list, err := m.List(t.Context(), "ann")
		require.NoError(t, err)
		require.Empty(t, list)
	})
}

func TestLifetimeKeepsTheCookie(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb)
		h := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var err error
			switch r.URL.Path {
			case "/remember":
				err = m.Login(r.Context(), "ann", session.Lifetime(long))
			case "/renew":
				err = m.Renew(r.Context())
			case "/deadline":
				err = m.SetDeadline(r.Context(), time.Now().Add(10*time.Minute))
			case "/late":
				w.WriteHeader(http.StatusOK)
				err = m.SetDeadline(r.Context(), time.Now().Add(5*time.Minute))
			}
			require.NoError(t, err)
		}))
		c := cookieOf(t, serve(h, "/remember", ""))
		require.Equal(t, int(long.Seconds()), c.MaxAge)
		c = cookieOf(t, serve(h, "/renew", c.Value))
		require.InDelta(t, long.Seconds(), c.MaxAge, 60)
		c = cookieOf(t, serve(h, "/deadline", c.Value))
		require.InDelta(t, 600, c.MaxAge, 2)
		require.Empty(t, serve(h, "/late", c.Value).Cookies(), "it is too late for the cookie, but not for the session")
		list, err := m.List(t.Context(), "ann")
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.InDelta(t, 5*time.Minute, time.Until(list[0].Deadline), float64(soon))
		require.PanicsWithValue(t, "session: Lifetime(0s): use 1s or more", func() { session.Lifetime(0) })
		require.Panics(t, func() { _ = m.Login(m.Attach(t.Context(), ""), "ann", nil) })
	})
}

func TestSetDeadline(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb, session.Idle(idle), session.Absolute(time.Hour/2))
		starts := append(starts[:2:2], func(t testing.TB, m *manager) string { return remember(t, m, "") })
		for i, start := range starts {
			for _, d := range []time.Duration{time.Second, idle, time.Hour} {
				token := start(t, m)
				time.Sleep(time.Minute)
				ctx := m.Attach(t.Context(), token)
				require.NoError(t, m.SetDeadline(ctx, time.Now().Add(d)))
				began := time.Now()
				info, err := m.Info(ctx)
				require.NoError(t, err)
				require.Equal(t, d, time.Until(info.Deadline).Round(ms))
				for time.Since(began) < d-idle/2 {
					time.Sleep(idle / 2)
					require.NoError(t, m.Update(m.Attach(t.Context(), token), add(1)), "%d %v", i, d)
				}
				time.Sleep(d - time.Since(began) - ms)
				require.True(t, valid(t, m, token), "%d %v", i, d)
				time.Sleep(ms)
				require.False(t, valid(t, m, token), "%d %v", i, d)
			}
		}
	})
}

func TestSetDeadlineNeedsASession(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb)
		at := time.Now().Add(time.Hour)
		require.ErrorIs(t, m.SetDeadline(m.Attach(t.Context(), ""), at), session.ErrNoSession)
		for _, start := range starts {
			token := start(t, m)
			require.ErrorIs(t, m.SetDeadline(m.Attach(t.Context(), token), time.Now()), session.ErrDeadline)
			require.True(t, valid(t, m, token))
			renewed, ended := m.Attach(t.Context(), token), m.Attach(t.Context(), token)
			for _, ctx := range []context.Context{renewed, ended} { // both have read it
				_, err := m.Get(ctx)
				require.NoError(t, err)
			}
			next := m.Attach(t.Context(), token)
			require.NoError(t, m.Renew(next))
			require.ErrorIs(t, m.SetDeadline(renewed, at), session.ErrEnded)
			require.NoError(t, m.SetDeadline(next, at))
			require.NoError(t, m.Destroy(next))
			require.ErrorIs(t, m.SetDeadline(ended, at), session.ErrEnded)
			require.False(t, valid(t, m, tokenOf(t, m, next)), "it is not brought back")
		}
	})
}
