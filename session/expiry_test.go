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

const (
	idle = 10 * time.Minute
	ms   = time.Millisecond
)

// starts begin a session without a user, and one with a user.
var starts = []func(testing.TB, *manager) string{
	func(t testing.TB, m *manager) string { return begin(t, m, data{}) },
	func(t testing.TB, m *manager) string { return login(t, m, "ann", "") },
}

func TestIdleToTheMillisecond(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb, session.Idle(idle), session.Absolute(time.Hour))
		for _, start := range starts {
			token := start(t, m)
			time.Sleep(idle - ms)
			require.True(t, valid(t, m, token), "this use prolongs it")
			time.Sleep(idle - ms)
			require.True(t, valid(t, m, token))
			time.Sleep(idle)
			require.False(t, valid(t, m, token))
		}
	})
}

func TestAbsoluteToTheMillisecond(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb, session.Idle(idle), session.Absolute(time.Hour))
		for _, start := range starts {
			token := start(t, m)
			began := time.Now()
			for time.Since(began) < 56*time.Minute {
				time.Sleep(7 * time.Minute)
				require.True(t, valid(t, m, token))
				require.NoError(t, m.Update(m.Attach(t.Context(), token), add(1)))
			}
			slides := m.Stats().Slides
			time.Sleep(4*time.Minute - ms)
			ctx := m.Attach(t.Context(), token)
			require.NoError(t, m.Renew(ctx), "a renewal does not prolong it")
			require.True(t, valid(t, m, tokenOf(t, m, ctx)))
			require.Equal(t, slides, m.Stats().Slides, "there is nothing to prolong any more")
			time.Sleep(ms)
			require.False(t, valid(t, m, tokenOf(t, m, ctx)))
		}
	})
}

// alexedwards/scs#32, expressjs/session#891: a write per request.
func TestReadsStayReads(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb, session.Idle(idle))
		token := login(t, m, "ann", "")
		for range 600 { // one request each second, for the idle time
			time.Sleep(time.Second)
			require.True(t, valid(t, m, token))
		}
		require.EqualValues(t, 10, m.Stats().Slides)
		require.EqualValues(t, 1, m.Stats().Saves)
		info, err := m.Info(m.Attach(t.Context(), token))
		require.NoError(t, err)
		require.LessOrEqual(t, time.Since(info.LastSeen), idle/10)
	})
}

// Changes alone don't extend a session beyond its entry in the user's set.
func TestChangesKeepPaceWithTheUsersSet(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb, session.Idle(idle))
		token := login(t, m, "ann", "")
		for range 200 {
			time.Sleep(idle/10 - ms)
			require.NoError(t, m.Update(m.Attach(t.Context(), token), add(1)))
			list, err := m.List(t.Context(), "ann")
			require.NoError(t, err)
			require.Len(t, list, 1)
		}
		require.Equal(t, 200, get(t, m, token).N)
	})
}

// spring-session#1715, #2230, #3334: the index is never cleaned when expiry events are missed. tj/connect-redis#239:
// sessions that never expire.
func TestNothingIsLeftAfterExpiry(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb, session.Namespace("left"), session.Idle(idle))
		token := login(t, m, "ann", "")
		time.Sleep(idle / 2)
		login(t, m, "ann", "")
		begin(t, m, data{})
		require.Len(t, keysOf(t, rdb, "left"), 4)
		time.Sleep(idle / 2)
		list, err := m.List(t.Context(), "ann")
		require.NoError(t, err)
		require.Len(t, list, 1, "the other one has expired")
		require.False(t, valid(t, m, token))
		time.Sleep(idle/2 + ms)
		require.Empty(t, keysOf(t, rdb, "left"))
	})
}

func TestExpiredDiffersFromMissing(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		var seen events
		m := node(t, rdb, session.Idle(idle), session.OnEvent(seen.observe))
		first := login(t, m, "ann", "")
		time.Sleep(idle - ms)
		login(t, m, "ann", "")
		seen.kinds()
		// The user's set still has it: the set was last pruned by a login, when the session was valid.
		time.Sleep(ms)
		require.False(t, valid(t, m, first))
		require.Equal(t, "expired", seen.kinds())
		require.False(t, valid(t, m, first))
		require.Equal(t, "missing", seen.kinds())
	})
}

// A lower idle time applies to existing sessions from their next use.
func TestIdleLowered(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		token := login(t, node(t, rdb, session.Namespace("s"), session.Idle(time.Hour)), "ann", "")
		m := node(t, rdb, session.Namespace("s"), session.Idle(idle))
		require.True(t, valid(t, m, token))
		time.Sleep(idle)
		require.False(t, valid(t, m, token))
	})
}

func TestIdleLongerThanAbsolute(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb, session.Idle(time.Hour), session.Absolute(idle))
		token := login(t, m, "ann", begin(t, m, data{}))
		time.Sleep(idle - ms)
		require.True(t, valid(t, m, token))
		require.Zero(t, m.Stats().Slides)
		time.Sleep(ms)
		require.False(t, valid(t, m, token))
	})
}

func TestLoginBeginsTheTimesAnew(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb, session.Idle(idle), session.Absolute(2*idle))
		token := begin(t, m, data{N: 1})
		for range 3 {
			time.Sleep(idle - ms)
			token = login(t, m, "ann", token)
		}
		require.Equal(t, 1, get(t, m, token).N)
		time.Sleep(idle - ms)
		require.True(t, valid(t, m, token))
	})
}

// The server's clock goes back. Nobody is logged out by it, the latest login is still the last to be evicted, and a
// session in use gets no more than the idle time.
func TestClockGoesBack(t *testing.T) {
	server := redistest.Mini(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	ns := redistest.Unique(t)
	now := time.Now()
	server.SetTime(now)
	m := node(t, rdb, session.Namespace(ns), session.Idle(idle), session.Absolute(time.Hour),
		session.MaxPerUser(2, session.EvictOldest), session.RenewEvery(time.Minute))
	first, second := login(t, m, "ann", ""), login(t, m, "ann", "")
	server.SetTime(now.Add(-30 * time.Minute))
	server.FastForward(idle / 2) // so the next use prolongs it
	require.Equal(t, http.StatusOK, serve(site(m), "/add", second).StatusCode)
	require.EqualValues(t, 1, m.Stats().Slides)
	require.Zero(t, m.Stats().Renewed, "its id is not old")
	require.Equal(t, idle, server.TTL(ns+":s:"+handleOf(t, m, second)))
	third := login(t, m, "ann", "")
	require.False(t, valid(t, m, first), "the oldest has to go")
	require.True(t, valid(t, m, second))
	require.True(t, valid(t, m, third))
	ctx := m.Attach(t.Context(), third)
	require.NoError(t, m.Renew(ctx))
	require.NoError(t, m.DestroyOthers(ctx))
	require.False(t, valid(t, m, second))
	require.True(t, valid(t, m, tokenOf(t, m, ctx)))
}
