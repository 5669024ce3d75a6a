package ratelimit_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
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

func TestLimit(t *testing.T) {
	type mail struct{ from, text string }
	var sent atomic.Int64
	errSend := errors.New("mail: no")
	rdb := mini(t)
	hourly := open(t, rdb, ratelimit.FixedWindow(3, 8784*time.Hour))
	once := open(t, rdb, ratelimit.Concurrency(1, time.Minute), ratelimit.Name("once"))
	var send func(context.Context, mail) (int, error)
	send = ratelimit.Limit(func(ctx context.Context, m mail) (int, error) {
		sent.Add(1)
		if m.text == "again" {
			_, err := send(ctx, mail{from: m.from})
			return 0, err
		}
		return len(m.text), errSend
	}, func(m mail) string { return m.from }, hourly, once)

	n, err := send(t.Context(), mail{"ann", "four"})
	require.ErrorIs(t, err, errSend)
	require.Equal(t, 4, n)
	_, err = send(t.Context(), mail{"ann", "again"})
	require.ErrorIs(t, err, ratelimit.ErrDenied, "the permit is held while it runs")
	require.Contains(t, err.Error(), "concurrency")
	require.EqualValues(t, 2, sent.Load())
	_, err = send(t.Context(), mail{"ann", "x"})
	require.ErrorIs(t, err, errSend, "that denial was not charged")

	_, err = send(t.Context(), mail{"ann", "x"})
	denied, ok := errors.AsType[*ratelimit.DeniedError](err)
	require.True(t, ok)
	require.Positive(t, denied.Result.RetryAfter)
	require.Contains(t, err.Error(), "fixed-8784h")
	require.EqualValues(t, 3, sent.Load(), "it was not run")
	_, err = send(t.Context(), mail{"bob", "x"})
	require.ErrorIs(t, err, errSend)
}

func TestAllowAll(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, p := range policies() {
			ns := ratelimit.Namespace(redistest.Unique(t))
			first, second := open(t, rdb, p, ns), open(t, rdb, ratelimit.FixedWindow(1, 8784*time.Hour), ns, ratelimit.Name("second"))
			ask := func() []ratelimit.Result {
				results, err := ratelimit.AllowAll(t.Context(), ratelimit.Ask{Limiter: first, Key: "a", N: 3}, ratelimit.Ask{Limiter: second, Key: "b", N: 1})
				require.NoError(t, err)
				require.Len(t, results, 2)
				return results
			}
			require.True(t, ask()[1].Allowed, name)
			for range 4 {
				results := ask()
				require.False(t, results[1].Allowed, name)
				require.NoError(t, first.Refund(t.Context(), results[0]), "was refunded, so this does nothing")
			}
			r, err := first.Peek(t.Context(), "a")
			require.NoError(t, err)
			require.Equal(t, 7, r.Remaining, name)
		}
	})
}

// The caller goes away between two limiters: what the first has charged comes back all the same.
func TestRefundAfterCancel(t *testing.T) {
	rdb := mini(t)
	ctx, cancel := context.WithCancel(t.Context())
	first := open(t, rdb, ratelimit.FixedWindow(5, 8784*time.Hour), ratelimit.Observe(func(ratelimit.Event) { cancel() }))
	second := open(t, rdb, ratelimit.FixedWindow(5, 8784*time.Hour), ratelimit.Name("second"))
	_, err := ratelimit.AllowAll(ctx, ratelimit.Ask{Limiter: first, Key: "a", N: 2}, ratelimit.Ask{Limiter: second, Key: "b", N: 1})
	require.ErrorIs(t, err, context.Canceled)
	r, err := first.Peek(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, 5, r.Remaining)
}
