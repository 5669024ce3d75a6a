package ratelimit_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

// The limiter as it is used, on a Redis whose clock is moved by hand, keys' ends included: no state ends before it has
// no say any more, the waits are exact, and when all permits are there nothing is left in Redis.
func TestKeysLiveLongEnough(t *testing.T) {
	for name, p := range map[string]ratelimit.Policy{
		"sliding":     ratelimit.SlidingWindow(5, time.Minute),
		"counter":     ratelimit.SlidingWindow(5, time.Minute).Counter(),
		"exact":       ratelimit.SlidingWindow(5, time.Minute).Exact(),
		"strict":      ratelimit.SlidingWindow(5, time.Minute).Strict(7),
		"bucket":      ratelimit.TokenBucket(ratelimit.Per(5, time.Minute), 5),
		"fixed":       ratelimit.FixedWindow(5, time.Minute),
		"concurrency": ratelimit.Concurrency(5, time.Minute),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Mini(t)
			rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
			t.Cleanup(func() { require.NoError(t, rdb.Close()) })
			l := open(t, rdb, p)
			now := time.UnixMicro(1_790_000_000_123_456)
			server.SetTime(now)
			pass := func(d time.Duration) {
				now = now.Add(d)
				server.SetTime(now)
				server.FastForward(d)
			}
			ask := func(n int) ratelimit.Result {
				t.Helper()
				r, err := l.AllowN(t.Context(), "k", n)
				require.NoError(t, err)
				require.Equal(t, ratelimit.FromRedis, r.Source)
				return r
			}
			rnd := rand.New(rand.NewPCG(1, 2))
			for range 150 {
				n := 1 + rnd.IntN(5)
				r := ask(n)
				if r.Allowed {
					require.Zero(t, r.RetryAfter)
					pass(time.Duration(rnd.Int64N(int64(20*time.Second))) / time.Microsecond * time.Microsecond)
					continue
				}
				pass(r.RetryAfter - 2*time.Millisecond)
				require.False(t, ask(n).Allowed, "two milliseconds too early")
				pass(2 * time.Millisecond)
				require.True(t, ask(n).Allowed, "on time")
			}
			pass(ask(0).ResetAfter)
			require.Equal(t, 5, ask(0).Remaining)
			pass(time.Millisecond)
			require.Empty(t, server.Keys(), "nothing is left")
		})
	}
}
