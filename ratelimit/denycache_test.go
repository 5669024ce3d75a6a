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
