package ratelimit

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// A renewal prolongs a lease. One that arrives after the release, or after the lease has ended, must not bring it back.
func TestRenewalComesTooLate(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		open := func(lease time.Duration) *Limiter {
			l := New(rdb, Concurrency(1, lease), Namespace(redistest.Unique(t)), Timeout(10*time.Second))
			t.Cleanup(func() { require.NoError(t, l.Close()) })
			return l
		}
		peek := func(l *Limiter) Result {
			r, err := l.Peek(t.Context(), "k")
			require.NoError(t, err)
			return r
		}
		long := open(time.Hour) // nothing but the test renews it
		r, release, err := long.Acquire(t.Context(), "k")
		require.NoError(t, err)
		ends := func() float64 {
			leases, err := rdb.ZRangeWithScores(t.Context(), long.keysOf(hashTagOf("k"))[0], 0, -1).Result()
			require.NoError(t, err)
			require.Len(t, leases, 1)
			return leases[0].Score
		}
		before := ends()
		long.renew(t.Context(), r)
		require.Greater(t, ends(), before)
		require.Equal(t, 0, peek(long).Remaining)
		release()
		long.renew(t.Context(), r)
		require.Equal(t, 1, peek(long).Remaining)

		short := open(50 * time.Millisecond)
		r, err = short.Allow(t.Context(), "k")
		require.NoError(t, err)
		require.True(t, r.Allowed)
		require.Eventually(t, func() bool { return peek(short).Remaining == 1 }, 10*time.Second, 2*time.Millisecond)
		short.renew(t.Context(), r)
		require.Equal(t, 1, peek(short).Remaining)
		require.NoError(t, short.Refund(t.Context(), r), "of what is not there any more")
	})
}
