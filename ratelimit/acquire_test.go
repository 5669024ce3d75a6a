package ratelimit_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

func TestAcquire(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		const lease = time.Hour
		ns := ratelimit.Namespace(redistest.Unique(t))
		l, other := open(t, rdb, ratelimit.Concurrency(2, lease), ns), open(t, rdb, ratelimit.Concurrency(2, lease), ns)
		var releases []func()
		for range 2 {
			r, release, err := l.Acquire(t.Context(), "k")
			require.NoError(t, err)
			require.True(t, r.Allowed)
			releases = append(releases, release)
		}
		r, release, err := other.Acquire(t.Context(), "k")
		require.NoError(t, err)
		require.False(t, r.Allowed)
		require.LessOrEqual(t, r.RetryAfter, lease)
		release()
		releases[0]()
		releases[0]() // does no harm
		r, err = other.Peek(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, 1, r.Remaining)
		releases[1]()

		// A holder that died (this one never renews) loses its permit.
		short := open(t, rdb, ratelimit.Concurrency(1, 300*time.Millisecond))
		r, err = short.Allow(t.Context(), "k")
		require.NoError(t, err)
		require.True(t, r.Allowed)
		require.Eventually(t, func() bool {
			r, err := short.Peek(t.Context(), "k")
			return err == nil && r.Remaining == 1
		}, soon, often)
	})
}

// Leases are renewed while they are held. In real time a machine that stands still for a lease would lose it.
func TestLeasesAreRenewed(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		const lease = 300 * time.Millisecond
		l := open(t, rdb, ratelimit.Concurrency(2, lease))
		_, release, err := l.Acquire(t.Context(), "k")
		require.NoError(t, err)
		dead, err := l.Allow(t.Context(), "k")
		require.NoError(t, err)
		require.True(t, dead.Allowed)
		for began := time.Now(); time.Since(began) < 3*lease; time.Sleep(lease / 10) {
			r, err := l.Peek(t.Context(), "k")
			require.NoError(t, err)
			left := 0
			if time.Since(began) >= lease {
				left = 1 // what the dead one had
			}
			require.Equal(t, left, r.Remaining, "after %v", time.Since(began))
		}
		release()
		r, err := l.Peek(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, 2, r.Remaining)
	})
}

// A renewal that comes after the release must not bring the lease back.
func TestReleaseIsFinal(t *testing.T) {
	rdb := mini(t)
	l := open(t, rdb, ratelimit.Concurrency(1, 3*time.Millisecond)) // renewed each millisecond
	for range 300 {
		var release func()
		require.Eventually(t, func() bool {
			r, done, err := l.Acquire(t.Context(), "k")
			release = done
			return err == nil && r.Allowed
		}, soon, often)
		release()
		_, held := count(t, rdb)
		require.Zero(t, held)
	}
}

func count(t *testing.T, rdb *redis.Client) (keys int, members int64) {
	t.Helper()
	names, err := rdb.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	for _, name := range names {
		members += rdb.ZCard(t.Context(), name).Val()
	}
	return len(names), members
}

func TestMiddlewareHoldsAPermit(t *testing.T) {
	l := open(t, mini(t), ratelimit.All(ratelimit.Concurrency(1, time.Minute), ratelimit.FixedWindow(100, 8784*time.Hour)))
	inside, leave := make(chan struct{}), make(chan struct{})
	h := l.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/wait":
			close(inside)
			<-leave
		case "/panic":
			panic(http.ErrAbortHandler)
		}
	}))
	done := make(chan int)
	go func() { done <- get(h, "/wait", nil).Code }()
	<-inside
	require.Equal(t, 429, get(h, "/", nil).Code)
	close(leave)
	require.Equal(t, 200, <-done)
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { get(h, "/panic", nil) })
	require.Equal(t, 200, get(h, "/", nil).Code, "a panic gives the permit back too")
	r, err := l.Peek(t.Context(), "ip:192.0.2.1")
	require.NoError(t, err)
	require.Equal(t, 1, r.Each[0].Remaining, "a permit comes back after the work")
	require.Equal(t, 97, r.Each[1].Remaining, "what was charged to a window stays")
}

// The client has gone: its context is cancelled, and the permit has to come back all the same.
func TestReleaseAfterCancel(t *testing.T) {
	l := open(t, mini(t), ratelimit.Concurrency(1, time.Hour))
	ctx, cancel := context.WithCancel(t.Context())
	_, release, err := l.Acquire(ctx, "k")
	require.NoError(t, err)
	cancel()
	release()
	r, err := l.Peek(t.Context(), "k")
	require.NoError(t, err)
	require.True(t, r.Allowed)
}

func TestLocalAcquire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rdb := redis.NewClient(&redis.Options{Dialer: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("Redis is away")
		}})
		t.Cleanup(func() { require.NoError(t, rdb.Close()) })
		const lease = 100 * time.Millisecond
		l := open(t, rdb, ratelimit.Concurrency(2, lease), ratelimit.Breaker(1, time.Hour))
		left := func() int {
			r, err := l.Peek(t.Context(), "k")
			require.NoError(t, err)
			return r.Remaining
		}
		r, release, err := l.Acquire(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, ratelimit.FromLocal, r.Source)
		dead, err := l.Allow(t.Context(), "k")
		require.NoError(t, err)
		require.True(t, dead.Allowed)
		time.Sleep(lease - time.Millisecond)
		require.Equal(t, 0, left())
		time.Sleep(2 * time.Millisecond)
		for range 30 {
			require.Equal(t, 1, left(), "a permit that is not renewed ends, one that is held does not")
			time.Sleep(lease / 10)
		}
		release()
		require.Equal(t, 2, left())
	})
}
