package ratelimit_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

const (
	pause    = 2 * time.Second
	patience = 300 * time.Millisecond
	plenty   = 1_000_000
)

// Redis stops for two seconds while 64 callers ask, and the user's client is set to retry. Each request of the limiter
// is charged once at most: what Redis has counted in the end is what was allowed, and some of what got no answer. A
// plain script on the user's client, sent in the same pause, runs more often than it was asked for.
func TestARetryChargesOnce(t *testing.T) {
	t.Run("single", func(t *testing.T) {
		s := redistest.Start(t)
		rdb := s.Client(t, func(o *redis.Options) { o.MaxRetries, o.ReadTimeout, o.PoolSize = 3, patience, 300 })
		pauseChargesOnce(t, rdb, func(string) *redistest.Server { return s })
	})
	t.Run("cluster", func(t *testing.T) {
		c := redistest.StartCluster(t, "cluster-node-timeout 60000")
		rdb := c.Client(t, func(o *redis.ClusterOptions) { o.MaxRetries, o.ReadTimeout, o.PoolSize = 3, patience, 300 })
		pauseChargesOnce(t, rdb, func(key string) *redistest.Server { return c.MasterFor(t, key) })
	})
}

func pauseChargesOnce(t *testing.T, rdb redis.UniversalClient, serverOf func(key string) *redistest.Server) {
	ctx, server := context.Background(), serverOf("{one}")
	l := open(t, rdb, ratelimit.FixedWindow(plenty, 8784*time.Hour), ratelimit.FailClosed(),
		ratelimit.Timeout(patience), ratelimit.Breaker(plenty, time.Second))
	allow := func() (bool, error) {
		r, err := l.Allow(ctx, "one")
		return r.Allowed, err
	}
	plain := func() (bool, error) {
		return true, rdb.Eval(ctx, "return redis.call('INCR', KEYS[1])", []string{"{one}plain"}).Err()
	}
	before := []tally{warm(t, allow), warm(t, plain)}

	// Each caller fails once in the pause and then waits for its end, so that 64 are in doubt and no more.
	resumed, load := make(chan struct{}), newLoad(t)
	ours := load.run(64, func() (bool, error) {
		ok, err := allow()
		if err != nil {
			<-resumed
		}
		return ok, err
	})
	resume := sync.OnceFunc(func() { close(resumed) })
	t.Cleanup(resume) // before the load's own, or it would wait for ever
	load.until(func() bool { return ours.allowed.Load() > 100 })
	server.Pause()
	began := time.Now()
	retried := newLoad(t)
	control := retried.run(1, plain)
	load.until(func() bool { return time.Since(began) > pause && control.unknown.Load() > 0 })
	server.Resume()
	resume()
	retried.stop()
	was := ours.allowed.Load()
	load.until(func() bool { return ours.allowed.Load() > was+100 })
	load.stop()

	got, charged := ours.tally(), int64(0)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		r, err := l.Peek(ctx, "one")
		require.NoError(c, err)
		charged = int64(plenty - r.Remaining)
	}, soon, often)
	got.Allowed, got.Unknown = got.Allowed+before[0].Allowed, got.Unknown+before[0].Unknown
	require.GreaterOrEqual(t, charged, got.Allowed)
	require.LessOrEqual(t, charged, got.Allowed+got.Unknown)
	ran, err := rdb.Get(ctx, "{one}plain").Int64()
	require.NoError(t, err)
	asked := before[1].Allowed + before[1].Unknown + control.allowed.Load() + control.unknown.Load()
	t.Logf("limiter: %+v, charged %d; plain script: asked for %d times, ran %d times", got, charged, asked, ran)
	require.Greater(t, ran, asked, "what this test is about does happen")
}

// warm makes connections that wait in the pool, on which a retry goes out at once. On a busy machine some of what it asks
// may get no answer in time.
func warm(t *testing.T, ask func() (bool, error)) tally {
	t.Helper()
	load := newLoad(t)
	got := load.run(200, ask)
	load.until(func() bool { return got.allowed.Load() > 2000 })
	load.stop()
	return got.tally()
}

// load is callers that ask until they are told to stop.
type load struct {
	t    *testing.T
	done chan struct{}
	once sync.Once
	wg   sync.WaitGroup
}

func newLoad(t *testing.T) *load {
	l := &load{t: t, done: make(chan struct{})}
	t.Cleanup(l.stop)
	return l
}

func (l *load) run(callers int, ask func() (bool, error)) *counts {
	got := new(counts)
	for range callers {
		l.wg.Go(func() {
			for {
				select {
				case <-l.done:
					return
				default:
					got.add(ask())
				}
			}
		})
	}
	return got
}

func (l *load) until(is func() bool) {
	l.t.Helper()
	require.Eventually(l.t, is, 3*soon, often) // the client of a Cluster tries for 5 s in vain
}

func (l *load) stop() {
	l.once.Do(func() { close(l.done) })
	l.wg.Wait()
}
