package session_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

// gorilla/sessions#11: a session could not be given a new id.
func TestRenewalInUse(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		var seen events
		m := node(t, rdb, session.Idle(idle), session.RenewEvery(5*time.Minute), session.RenewGrace(20*time.Second), session.OnEvent(seen.observe))
		h := site(m)
		first := cookieOf(t, serve(h, "/login", "")).Value
		time.Sleep(5*time.Minute - ms)
		require.Empty(t, serve(h, "/user", first).Cookies())
		time.Sleep(time.Minute)
		seen.kinds()
		second := cookieOf(t, serve(h, "/user", first)).Value
		require.NotEqual(t, first, second)
		require.Equal(t, "renewed", seen.kinds())
		require.Empty(t, serve(h, "/user", second).Cookies())

		// The first response may be lost, and the requests of a page run in parallel. All get the same new id.
		time.Sleep(20*time.Second - ms)
		for range 3 {
			res := serve(h, "/add", first)
			require.Equal(t, http.StatusOK, res.StatusCode)
			require.Equal(t, second, cookieOf(t, res).Value)
		}
		require.Equal(t, 3, get(t, m, second).N)
		time.Sleep(ms)
		require.False(t, valid(t, m, first), "the grace period is over")
		require.True(t, valid(t, m, second))
		require.Empty(t, seen.kindsOf(session.Renewed))
	})
}

// A logout with the old id, in its grace period, also ends the session for the new id.
func TestLogoutInTheGracePeriod(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb, session.Idle(idle), session.RenewEvery(time.Minute))
		h := site(m)
		for _, path := range []string{"/add", "/login"} {
			first := cookieOf(t, serve(h, path, "")).Value
			time.Sleep(2 * time.Minute)
			second := cookieOf(t, serve(h, "/user", first)).Value
			require.Equal(t, http.StatusOK, serve(h, "/logout", first).StatusCode)
			require.False(t, valid(t, m, first))
			require.False(t, valid(t, m, second))
		}
	})
}

// A change of privilege ends the old id at once, even in its grace period.
func TestLoginEndsTheGracePeriod(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb, session.Idle(idle), session.RenewEvery(time.Minute))
		h := site(m)
		for _, path := range []string{"/login", "/renew"} {
			first := cookieOf(t, serve(h, "/login", "")).Value
			time.Sleep(2 * time.Minute)
			second := cookieOf(t, serve(h, "/user", first)).Value
			third := cookieOf(t, serve(h, path, second)).Value
			require.False(t, valid(t, m, first))
			require.False(t, valid(t, m, second))
			require.True(t, valid(t, m, third))
		}
	})
}
