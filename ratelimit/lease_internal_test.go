package ratelimit

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// A renewal that arrives after the release, or after the lease has ended, must not bring it back.
func TestRenewalComesTooLate(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := New(rdb, Concurrency(1, 50*time.Millisecond), Namespace(redistest.Unique(t)), Timeout(10*time.Second))
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		left := func() int {
			r, err := l.Peek(t.Context(), "k")
			require.NoError(t, err)
			return r.Remaining
		}
		r, release, err := l.Acquire(t.Context(), "k")
		require.NoError(t, err)
		l.renew(t.Context(), r)
		require.Equal(t, 0, left())
		release()
		l.renew(t.Context(), r)
		require.Equal(t, 1, left())

		r, err = l.Allow(t.Context(), "k")
		require.NoError(t, err)
		require.True(t, r.Allowed)
		require.Eventually(t, func() bool { return left() == 1 }, 10*time.Second, 2*time.Millisecond)
		l.renew(t.Context(), r)
		require.Equal(t, 1, left())
		require.NoError(t, l.Refund(t.Context(), r), "of what is not there any more")
	})
}
