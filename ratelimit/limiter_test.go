package ratelimit_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

const (
	soon  = 10 * time.Second // an upper bound for what takes milliseconds on an idle machine
	often = 2 * time.Millisecond
)

// open makes a limiter of a namespace of its own, unless the options name one, and patient enough for a busy machine.
func open(t testing.TB, rdb redis.UniversalClient, p ratelimit.Policy, options ...ratelimit.Option) *ratelimit.Limiter {
	t.Helper()
	l := ratelimit.New(rdb, p, append([]ratelimit.Option{
		ratelimit.Namespace(redistest.Unique(t)), ratelimit.Timeout(soon),
	}, options...)...)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// mini is a client of a miniredis of its own.
func mini(t testing.TB) *redis.Client {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	return rdb
}

// policies allow ten, and nothing comes back while a test runs.
func policies() map[string]ratelimit.Policy {
	return map[string]ratelimit.Policy{
		"sliding":     ratelimit.SlidingWindow(10, 24*time.Hour),
		"counter":     ratelimit.SlidingWindow(10, 24*time.Hour).Counter(),
		"exact":       ratelimit.SlidingWindow(10, 24*time.Hour).Exact(),
		"strict":      ratelimit.SlidingWindow(10, 24*time.Hour).Strict(10),
		"bucket":      ratelimit.TokenBucket(ratelimit.Per(1, time.Hour), 10),
		"fixed":       ratelimit.FixedWindow(10, 366*24*time.Hour),
		"concurrency": ratelimit.Concurrency(10, time.Hour),
		"all": ratelimit.All(
			ratelimit.FixedWindow(100, 366*24*time.Hour), ratelimit.TokenBucket(ratelimit.Per(1, time.Hour), 10),
			ratelimit.SlidingWindow(12, 24*time.Hour)),
	}
}

// each runs a test for each policy on each kind of Redis.
func each(t *testing.T, test func(*testing.T, redis.UniversalClient, ratelimit.Policy)) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, p := range policies() {
			t.Run(name, func(t *testing.T) { test(t, rdb, p) })
		}
	})
}

func TestLimiter(t *testing.T) {
	each(t, func(t *testing.T, rdb redis.UniversalClient, p ratelimit.Policy) {
		l, ctx := open(t, rdb, p), t.Context()
		ask := func(n int) ratelimit.Result {
			t.Helper()
			r, err := l.AllowN(ctx, "someone", n)
			require.NoError(t, err)
			require.Equal(t, ratelimit.FromRedis, r.Source)
			return r
		}
		r, err := l.Peek(ctx, "someone")
		require.NoError(t, err)
		require.True(t, r.Allowed)
		require.Equal(t, []int{10, 10}, []int{r.Limit, r.Remaining}, "looking costs nothing")
		require.Zero(t, r.ResetAfter)

		require.Equal(t, 9, ask(1).Remaining)
		four := ask(4)
		require.True(t, four.Allowed)
		require.Equal(t, 5, four.Remaining)
		require.Zero(t, four.RetryAfter)
		require.Positive(t, four.NextAfter)
		require.GreaterOrEqual(t, four.ResetAfter, four.NextAfter)

		six := ask(6)
		require.False(t, six.Allowed, "all or nothing")
		require.Equal(t, 5, six.Remaining, "a denial is not charged")
		require.Positive(t, six.RetryAfter)

		require.NoError(t, l.Refund(ctx, six), "which was charged nothing")
		require.NoError(t, l.Refund(ctx, four))
		require.Equal(t, 9, ask(0).Remaining)
		require.Equal(t, 0, ask(9).Remaining)
		r = ask(0)
		require.False(t, r.Allowed)
		require.Positive(t, r.RetryAfter)

		r, err = l.Allow(ctx, "someone else")
		require.NoError(t, err)
		require.True(t, r.Allowed, "keys don't share")
		require.NoError(t, l.Reset(ctx, "someone"))
		require.Equal(t, 9, ask(1).Remaining)
	})
}

func TestImpossibleCost(t *testing.T) {
	l := open(t, mini(t), ratelimit.SlidingWindow(10, time.Minute))
	for _, n := range []int{-1, 11} {
		_, err := l.AllowN(t.Context(), "k", n)
		require.ErrorIs(t, err, ratelimit.ErrCost)
	}
	r, err := l.Allow(t.Context(), "k")
	require.NoError(t, err)
	other := open(t, mini(t), ratelimit.SlidingWindow(10, time.Minute))
	require.ErrorIs(t, other.Refund(t.Context(), r), ratelimit.ErrForeign)
}

// go-redisstore keeps state for whole seconds, so an interval of less than one never limits. ulule's limiter takes a
// count equal to the increment for a new key, and never repairs a lost TTL, so such a key counts for ever.
func TestTTL(t *testing.T) {
	each(t, func(t *testing.T, rdb redis.UniversalClient, p ratelimit.Policy) {
		ns := redistest.Unique(t)
		l, ctx := open(t, rdb, p, ratelimit.Namespace(ns)), t.Context()
		_, err := l.Allow(ctx, "k")
		require.NoError(t, err)
		keys := keysOf(t, rdb, ns)
		require.NotEmpty(t, keys)
		for _, key := range keys {
			require.Positive(t, rdb.PTTL(ctx, key).Val(), key)
			require.True(t, rdb.Persist(ctx, key).Val())
		}
		r, err := l.Allow(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, 8, r.Remaining)
		for _, key := range keys {
			require.Positive(t, rdb.PTTL(ctx, key).Val(), "the TTL is back: %s", key)
		}
	})
}

func keysOf(t *testing.T, rdb redis.UniversalClient, ns string) (keys []string) {
	t.Helper()
	scan := func(ctx context.Context, rdb *redis.Client) error {
		iter := rdb.Scan(ctx, 0, ns+":*", 1000).Iterator()
		for iter.Next(ctx) {
			keys = append(keys, iter.Val())
		}
		return iter.Err()
	}
	if c, ok := rdb.(*redis.ClusterClient); ok {
		require.NoError(t, c.ForEachMaster(t.Context(), scan)) // the key of one test is on one master
		return keys
	}
	require.NoError(t, scan(t.Context(), rdb.(*redis.Client)))
	return keys
}

func TestSubSecondWindow(t *testing.T) {
	short := map[string]ratelimit.Policy{
		"sliding":     ratelimit.SlidingWindow(1, 300*time.Millisecond),
		"counter":     ratelimit.SlidingWindow(1, 300*time.Millisecond).Counter(),
		"exact":       ratelimit.SlidingWindow(1, 300*time.Millisecond).Exact(),
		"strict":      ratelimit.SlidingWindow(1, 300*time.Millisecond).Strict(3),
		"bucket":      ratelimit.TokenBucket(ratelimit.Per(1, 300*time.Millisecond), 1),
		"concurrency": ratelimit.Concurrency(1, 300*time.Millisecond),
	}
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		if _, cluster := rdb.(*redis.ClusterClient); cluster {
			t.Skip("as on a single node")
		}
		for name, p := range short {
			l := open(t, rdb, p)
			allowed := func() bool {
				r, err := l.Allow(t.Context(), name)
				require.NoError(t, err)
				return r.Allowed
			}
			require.True(t, allowed(), name)
			redistest.Eventually(t, name+" limits at all", func() bool { return !allowed() })
			redistest.Eventually(t, name+" admits again", allowed)
		}
	})
}

// With httprate's Redis counter what is left can be negative, once more has been let in than the limit is.
func TestLoweredLimit(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, p := range map[string][2]ratelimit.Policy{
			"sliding": {ratelimit.SlidingWindow(9, 24*time.Hour), ratelimit.SlidingWindow(3, 24*time.Hour)},
			"counter": {ratelimit.SlidingWindow(9, 24*time.Hour).Counter(), ratelimit.SlidingWindow(3, 24*time.Hour).Counter()},
			"exact":   {ratelimit.SlidingWindow(9, 24*time.Hour).Exact(), ratelimit.SlidingWindow(3, 24*time.Hour).Exact()},
			"strict":  {ratelimit.SlidingWindow(9, 24*time.Hour).Strict(9), ratelimit.SlidingWindow(3, 24*time.Hour).Strict(9)},
			"bucket":  {ratelimit.TokenBucket(0.001, 9), ratelimit.TokenBucket(0.001, 3)},
			"fixed":   {ratelimit.FixedWindow(9, 366*24*time.Hour), ratelimit.FixedWindow(3, 366*24*time.Hour)},
			"leases":  {ratelimit.Concurrency(9, time.Hour), ratelimit.Concurrency(3, time.Hour)},
		} {
			ns := ratelimit.Namespace(redistest.Unique(t))
			high := open(t, rdb, p[0], ns, ratelimit.Name("mails"))
			_, err := high.AllowN(t.Context(), "k", 8)
			require.NoError(t, err)
			require.NoError(t, high.Close())
			low := open(t, rdb, p[1], ns, ratelimit.Name("mails"))
			r, err := low.Allow(t.Context(), "k")
			require.NoError(t, err)
			require.False(t, r.Allowed, name)
			require.Zero(t, r.Remaining, name)
			require.Positive(t, r.RetryAfter, name)
		}
	})
}

func TestCallersContext(t *testing.T) {
	l := open(t, mini(t), ratelimit.SlidingWindow(10, time.Minute))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Allow(ctx, "k")
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, ratelimit.ErrUnavailable, "Redis has done nothing wrong")
	r, err := l.Peek(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, 10, r.Remaining)
}
