package ratelimit

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

func always() bool { return true }

func never() bool { return false }

// A renewal prolongs a lease, and takes back one that has ended. One that arrives after the release must not bring it back.
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
		require.NoError(t, long.renew(t.Context(), r.charge, never))
		require.Greater(t, ends(), before)
		require.Equal(t, 0, peek(long).Remaining)
		release()
		require.NoError(t, long.renew(t.Context(), r.charge, never))
		require.Equal(t, 1, peek(long).Remaining)

		short := open(50 * time.Millisecond)
		r, err = short.Allow(t.Context(), "k")
		require.NoError(t, err)
		require.True(t, r.Allowed)
		require.Eventually(t, func() bool { return peek(short).Remaining == 1 }, 10*time.Second, 2*time.Millisecond)
		require.NoError(t, short.renew(t.Context(), r.charge, never))
		require.Equal(t, 1, peek(short).Remaining)
		require.NoError(t, short.Refund(t.Context(), r), "of what is not there any more")

		// The time up to which a lease may be taken back is Redis's, and the last moment of it counts.
		key := long.keysOf(hashTagOf("k"))
		c := charge{hashTag: hashTagOf("k"), id: "x", n: 1}
		now, missing, err := long.prolong(t.Context(), key, long.parts[0], c, 0)
		require.NoError(t, err)
		require.EqualValues(t, 1, missing)
		_, missing, err = long.prolong(t.Context(), key, long.parts[0], c, now-1)
		require.NoError(t, err)
		require.EqualValues(t, 1, missing, "it was sent long ago")
		require.Equal(t, 1, peek(long).Remaining)
		_, missing, err = long.prolong(t.Context(), key, long.parts[0], c, now+time.Hour.Microseconds())
		require.NoError(t, err)
		require.Zero(t, missing)
		require.Equal(t, 0, peek(long).Remaining)
	})
}

// A lease of several permits is taken back whole or not at all, and what others hold is not touched.
func TestALeaseIsTakenBackWhereThereIsRoom(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		ns := Namespace(redistest.Unique(t))
		l := New(rdb, Concurrency(5, time.Hour), ns, Timeout(10*time.Second), Shared())
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		take := func(n int) Result {
			r, err := l.AllowN(t.Context(), "k", n)
			require.NoError(t, err)
			require.True(t, r.Allowed)
			return r
		}
		left := func() int {
			r, err := l.Peek(t.Context(), "k")
			require.NoError(t, err)
			return r.Remaining
		}
		lost := take(3)
		key := l.keysOf(hashTagOf("k"))[0]
		require.NoError(t, rdb.ZRem(t.Context(), key, lost.charge.id+":2").Err())
		require.Equal(t, 3, left())
		require.NoError(t, l.renew(t.Context(), lost.charge, always))
		require.Equal(t, 2, left(), "the missing one is back")

		require.NoError(t, rdb.Del(t.Context(), key).Err())
		other := take(3)
		require.ErrorIs(t, l.renew(t.Context(), lost.charge, always), ErrLeaseLost)
		require.Equal(t, 2, left(), "two are free, and three were lost")
		require.NoError(t, l.renew(t.Context(), other.charge, always))
		require.NoError(t, l.Refund(t.Context(), other))
		require.NoError(t, l.renew(t.Context(), lost.charge, always), "now there is room")
		require.Equal(t, 2, left())
		require.EqualValues(t, 2, l.Stats().LeasesRetaken)
	})
}

// The clock goes back by hours. Those who live keep their permits, and those of the dead end a lease later, not hours later.
func TestLeasesWhenTheClockGoesBack(t *testing.T) {
	for _, dead := range []bool{true, false} {
		const lease = time.Minute
		server := redistest.Mini(t)
		rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
		t.Cleanup(func() { require.NoError(t, rdb.Close()) })
		l := New(rdb, Concurrency(1, lease), Namespace(redistest.Unique(t)), Timeout(10*time.Second))
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		ask := func() Result {
			r, err := l.Allow(t.Context(), "k")
			require.NoError(t, err)
			return r
		}
		now := time.Unix(1_790_000_000, 0)
		server.SetTime(now)
		held := ask()
		require.True(t, held.Allowed)
		now = now.Add(-10 * time.Hour)
		server.SetTime(now)
		if !dead {
			require.NoError(t, l.renew(t.Context(), held.charge, never))
		}
		r := ask()
		require.False(t, r.Allowed)
		require.Equal(t, lease, r.RetryAfter)
		server.SetTime(now.Add(lease - time.Microsecond))
		require.False(t, ask().Allowed)
		if !dead {
			require.NoError(t, l.renew(t.Context(), held.charge, never))
		}
		server.SetTime(now.Add(lease))
		require.Equal(t, dead, ask().Allowed)
	}
}
