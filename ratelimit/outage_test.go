package ratelimit_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

// down is a limiter whose Redis has been killed, and the breaker opened by that.
func down(t *testing.T, p ratelimit.Policy, options ...ratelimit.Option) (*ratelimit.Limiter, *redistest.Server) {
	t.Helper()
	server := redistest.Start(t)
	l := open(t, server.Client(t), p, append([]ratelimit.Option{ratelimit.Breaker(3, 20*time.Millisecond)}, options...)...)
	_, err := l.Allow(t.Context(), "before")
	require.NoError(t, err)
	server.Kill()
	require.Eventually(t, func() bool {
		_, _ = l.Allow(t.Context(), "during")
		return l.Stats().BreakerOpen
	}, soon, often)
	return l, server
}

// httprate's Redis counter answers 428 and ulule's default handler panics when Redis is away.
func TestFailClosed(t *testing.T) {
	var changes atomic.Int64
	l, server := down(t, ratelimit.SlidingWindow(10, time.Minute), ratelimit.FailClosed(),
		ratelimit.OnBreaker(func(open bool) { changes.Add(1) }))
	_, err := l.Allow(t.Context(), "k")
	require.ErrorIs(t, err, ratelimit.ErrUnavailable)
	require.ErrorIs(t, l.Reset(t.Context(), "k"), ratelimit.ErrUnavailable)

	ran := false
	h := l.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true }))
	res := get(h, "/", nil)
	require.Equal(t, http.StatusServiceUnavailable, res.Code)
	require.False(t, ran)
	seconds, err := strconv.Atoi(res.Header().Get("Retry-After"))
	require.NoError(t, err)
	require.Positive(t, seconds)
	var problem struct{ Type string }
	require.NoError(t, json.NewDecoder(res.Body).Decode(&problem))
	require.Equal(t, "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity", problem.Type)

	server.Restart()
	require.Eventually(t, func() bool {
		r, err := l.Allow(t.Context(), "k")
		return err == nil && r.Source == ratelimit.FromRedis
	}, soon, often)
	require.False(t, l.Stats().BreakerOpen)
	require.GreaterOrEqual(t, changes.Load(), int64(2), "opened and closed")
}

// The master is probed in the background: that it is back is noticed although nobody asks.
func TestBreakerClosesWithoutRequests(t *testing.T) {
	changes := make(chan bool, 10)
	l, server := down(t, ratelimit.SlidingWindow(10, time.Minute), ratelimit.OnBreaker(func(open bool) {
		changes <- open
		panic("a function of the user's")
	}))
	require.True(t, <-changes)
	server.Restart()
	require.False(t, <-changes)
	require.False(t, l.Stats().BreakerOpen)
	require.Eventually(t, func() bool {
		r, err := l.Allow(t.Context(), "k")
		return err == nil && r.Source == ratelimit.FromRedis
	}, soon, often)
	require.Empty(t, changes)
}

func TestFailOpen(t *testing.T) {
	l, _ := down(t, ratelimit.SlidingWindow(1, time.Minute), ratelimit.FailOpen())
	h := l.Middleware(hello)
	for range 5 {
		r, err := l.Allow(t.Context(), "k")
		require.NoError(t, err)
		require.True(t, r.Allowed)
		require.Equal(t, ratelimit.FromFailOpen, r.Source)
		require.NoError(t, l.Refund(t.Context(), r))
		res := get(h, "/", nil)
		require.Equal(t, 200, res.Code)
		require.Empty(t, res.Header().Get("RateLimit"), "nobody knows what is left")
		require.NotEmpty(t, res.Header().Get("RateLimit-Policy"))
	}
	require.Positive(t, l.Stats().Fallback)
}

// httprate falls back on the whole limit in each process.
func TestLocalDivides(t *testing.T) {
	for name, c := range map[string]struct {
		policy ratelimit.Policy
		share  int
	}{
		"sliding":     {ratelimit.SlidingWindow(100, 24*time.Hour), 25},
		"exact":       {ratelimit.SlidingWindow(100, 24*time.Hour).Exact(), 25},
		"strict":      {ratelimit.SlidingWindow(100, 24*time.Hour).Strict(10), 25},
		"bucket":      {ratelimit.TokenBucket(ratelimit.Per(100, 24*time.Hour), 100), 25},
		"fixed":       {ratelimit.FixedWindow(100, 366*24*time.Hour), 25},
		"concurrency": {ratelimit.Concurrency(100, time.Hour), 25},
		"rounded":     {ratelimit.SlidingWindow(10, 24*time.Hour), 2},
		"at least 1":  {ratelimit.SlidingWindow(3, 24*time.Hour), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, _ := down(t, c.policy, ratelimit.Local(4))
			allowed := 0
			var last ratelimit.Result
			for range 110 {
				r, err := l.Allow(t.Context(), "k")
				require.NoError(t, err)
				require.Equal(t, ratelimit.FromLocal, r.Source)
				if r.Allowed {
					allowed, last = allowed+1, r
				} else {
					require.Positive(t, r.RetryAfter)
				}
			}
			require.Equal(t, c.share, allowed)
			require.NoError(t, l.Refund(t.Context(), last))
			r, err := l.Allow(t.Context(), "k")
			require.NoError(t, err)
			require.True(t, r.Allowed)
			_ = l.Reset(t.Context(), "k") // Redis is away, but the local state goes
			r, err = l.AllowN(t.Context(), "k", min(c.share+1, 3))
			require.NoError(t, err)
			require.True(t, r.Allowed, "what costs more than the share takes all of it")
		})
	}
}

// A single key that is not ours must not keep the others from Redis.
func TestWrongTypeIsNotAway(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		ns := redistest.Unique(t)
		l := open(t, rdb, ratelimit.SlidingWindow(10, time.Hour), ratelimit.Namespace(ns), ratelimit.Breaker(1, time.Hour))
		_, err := l.Allow(t.Context(), "k")
		require.NoError(t, err)
		key := keysOf(t, rdb, ns)[0]
		require.NoError(t, rdb.Del(t.Context(), key).Err())
		require.NoError(t, rdb.LPush(t.Context(), key, "x").Err())
		r, err := l.Allow(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, ratelimit.FromLocal, r.Source)
		r, err = l.Allow(t.Context(), "another")
		require.NoError(t, err)
		require.Equal(t, ratelimit.FromRedis, r.Source)
	})
}

// A Redis that hangs costs a few requests their timeout, and the rest nothing, also if callers are less patient than
// the limiter.
func TestBreakerSparesTheWait(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	rdb := redis.NewClient(&redis.Options{Addr: proxy.Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	l := open(t, rdb, ratelimit.SlidingWindow(10, time.Minute), ratelimit.Timeout(500*time.Millisecond), ratelimit.Breaker(3, time.Hour), ratelimit.FailOpen())
	require.Eventually(t, func() bool {
		r, err := l.Allow(t.Context(), "k")
		return err == nil && r.Source == ratelimit.FromRedis
	}, soon, often)
	proxy.Hang()
	began := time.Now()
	for !l.Stats().BreakerOpen {
		_, err := l.Allow(t.Context(), "k")
		require.NoError(t, err)
	}
	slow := time.Since(began)
	began = time.Now()
	for range 100 {
		r, err := l.Allow(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, ratelimit.FromFailOpen, r.Source)
	}
	require.Less(t, time.Since(began), slow, "a hundred cost less than the few that opened it")
}

// httprate holds one lock per limiter while it talks to Redis, so requests wait for one another.
func TestRequestsDontWaitForOneAnother(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	rdb := redis.NewClient(&redis.Options{Addr: proxy.Addr(), PoolSize: 20})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	l := open(t, rdb, ratelimit.SlidingWindow(1000, time.Minute))
	burst := func(callers int) time.Duration {
		began := time.Now()
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				if r, err := l.Allow(t.Context(), "k"); err != nil || r.Source != ratelimit.FromRedis {
					t.Error(r, err)
				}
			})
		}
		wg.Wait()
		return time.Since(began)
	}
	burst(20) // connects
	proxy.Delay(400 * time.Millisecond)
	one := burst(1)
	require.Less(t, burst(20), 10*one)
}
