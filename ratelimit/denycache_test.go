package ratelimit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

// Those who keep hammering don't reach Redis, and nobody is denied whom Redis would allow.
func TestDenyCache(t *testing.T) {
	server := redistest.Start(t)
	rdb := server.Client(t)
	l := open(t, rdb, ratelimit.FixedWindow(3, 8784*time.Hour), ratelimit.DenyCache(100))
	ask := func(key string, n int) ratelimit.Result {
		t.Helper()
		r, err := l.AllowN(t.Context(), key, n)
		require.NoError(t, err)
		return r
	}
	// denied asks until the answer is repeated, which is so for a second after each of Redis's own.
	denied := func(key string, n int) (again ratelimit.Result) {
		t.Helper()
		redistest.Eventually(t, "the denial is repeated", func() bool {
			again = ask(key, n)
			require.False(t, again.Allowed)
			return again.Source == ratelimit.FromDenyCache
		})
		return again
	}
	charged := ask("k", 1)
	again := denied("k", 3)
	require.Equal(t, 2, again.Remaining)
	require.Positive(t, again.RetryAfter)
	require.True(t, ask("k", 2).Allowed, "a smaller request is another question")
	require.True(t, ask("other", 3).Allowed)
	denied("k", 1)

	before := commands(t, rdb)
	for range 1000 {
		ask("k", 1)
	}
	require.LessOrEqual(t, commands(t, rdb)-before, int64(60), "a second may have passed, but hardly a minute")
	stats := l.Stats()
	require.Greater(t, stats.LocalDenied, int64(900))
	require.Less(t, stats.Denied, int64(100))

	require.NoError(t, l.Refund(t.Context(), charged))
	require.True(t, ask("k", 1).Allowed, "a refund is seen at once")
	require.False(t, ask("k", 1).Allowed)
	require.NoError(t, l.Reset(t.Context(), "k"))
	require.True(t, ask("k", 1).Allowed, "and so is a reset")

	// Elsewhere it is seen after a second.
	ask("k", 2)
	require.False(t, ask("k", 1).Allowed)
	require.NoError(t, rdb.FlushAll(t.Context()).Err())
	require.Eventually(t, func() bool { return ask("k", 1).Allowed }, soon, often)
}

func commands(t *testing.T, rdb *redis.Client) int64 {
	t.Helper()
	info, err := rdb.InfoMap(t.Context(), "commandstats").Result()
	require.NoError(t, err)
	var n int64
	_, err = fmt.Sscanf(info["Commandstats"]["cmdstat_evalsha"], "calls=%d,", &n)
	require.NoError(t, err)
	return n
}

func TestShadow(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		var events []ratelimit.Event
		l := open(t, rdb, ratelimit.FixedWindow(1, 8784*time.Hour), ratelimit.Shadow(), ratelimit.Name("trial"),
			ratelimit.Observe(func(e ratelimit.Event) { events = append(events, e) }))
		h := l.Middleware(hello)
		for range 3 {
			res := get(h, "/", nil)
			require.Equal(t, 200, res.Code)
			require.Empty(t, res.Header().Get("Retry-After"))
		}
		require.Len(t, events, 3)
		for i, e := range events {
			require.Equal(t, "trial", e.Limiter)
			require.NoError(t, e.Err)
			require.True(t, e.Result.Allowed)
			require.Equal(t, i > 0, e.Result.Shadow)
			require.Equal(t, "fixed-8784h", e.Result.Policy)
			require.Positive(t, e.Took)
		}
		stats := l.Stats()
		require.EqualValues(t, 3, stats.Took.Count)
		stats.Took = ratelimit.Durations{}
		require.Equal(t, ratelimit.Stats{Policy: "fixed 1/8784h", Allowed: 3, ShadowDenied: 2}, stats)
		require.NoError(t, l.Refund(t.Context(), events[2].Result), "which was not charged")
		r, err := l.AllowN(t.Context(), "ip:192.0.2.1", 1)
		require.NoError(t, err)
		require.True(t, r.Shadow)
	})
}

func TestStats(t *testing.T) {
	l, _ := down(t, ratelimit.SlidingWindow(2, 24*time.Hour), ratelimit.FailClosed())
	before := l.Stats()
	require.EqualValues(t, 1, before.Allowed)
	_, err := l.Allow(t.Context(), "k")
	require.Error(t, err)
	after := l.Stats()
	require.Equal(t, before.Errors+1, after.Errors)
	require.Equal(t, before.Allowed, after.Allowed)
	require.Zero(t, after.Denied, "an error is no denial")
}
