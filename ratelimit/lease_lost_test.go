package ratelimit_test

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

const brief = 300 * time.Millisecond // a lease

// crew holds permits of one limiter, as a process does whose work takes time.
type crew struct {
	l        *ratelimit.Limiter
	works    []context.Context
	releases []func()
}

func (c *crew) hire(t *testing.T, n int) *crew {
	t.Helper()
	for range n {
		work, r, release, err := c.l.AcquireContext(t.Context(), "k")
		require.NoError(t, err)
		require.True(t, r.Allowed)
		require.Equal(t, ratelimit.FromRedis, r.Source)
		c.works, c.releases = append(c.works, work), append(c.releases, release)
	}
	return c
}

// atWork counts those who have not been told to stop, and checks the cause of the others.
func (c *crew) atWork(t *testing.T) (n int) {
	t.Helper()
	for _, work := range c.works {
		if work.Err() == nil {
			n++
		} else {
			require.ErrorIs(t, context.Cause(work), ratelimit.ErrLeaseLost)
		}
	}
	return n
}

func (c *crew) leave() {
	for _, release := range c.releases {
		release()
	}
}

func remaining(t *testing.T, l *ratelimit.Limiter) int {
	t.Helper()
	r, err := l.Peek(t.Context(), "k")
	require.NoError(t, err)
	return r.Remaining
}

func drop(t *testing.T, rdb redis.UniversalClient, ns string) {
	t.Helper()
	for _, key := range keysOf(t, rdb, ns) {
		require.NoError(t, rdb.Del(t.Context(), key).Err())
	}
}

// A lease that Redis has lost is taken back while there is room. If others have taken its place the holder is told.
func TestLostLeases(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		ns, lines := redistest.Unique(t), redistest.NewLog(slog.LevelWarn)
		node := func(lease time.Duration) *crew {
			return &crew{l: open(t, rdb, ratelimit.Concurrency(5, lease), ratelimit.Namespace(ns), ratelimit.Shared(), ratelimit.Logger(lines.Logger()))}
		}
		one, two := node(3*time.Second), node(3*time.Second)
		defer one.leave()
		one.hire(t, 5)
		drop(t, rdb, ns)
		redistest.Eventually(t, "all are taken back", func() bool { return remaining(t, two.l) == 0 })
		require.Equal(t, 5, one.atWork(t))
		redistest.Eventually(t, "all are counted", func() bool { return one.l.Stats().LeasesRetaken == 5 })

		drop(t, rdb, ns)
		defer two.leave()
		two.hire(t, 5)
		redistest.Eventually(t, "those whose place is taken are told", func() bool { return one.atWork(t) == 0 })
		require.Equal(t, 5, two.atWork(t), "no more and no fewer than the limit")
		require.EqualValues(t, 5, one.l.Stats().LeasesLost)
		require.Zero(t, two.l.Stats().LeasesLost)
		require.Len(t, lines.With("lost its lease"), 1, "one line, not one for each")

		two.leave()
		redistest.Eventually(t, "who goes on all the same is counted again", func() bool { return remaining(t, two.l) == 0 })
		one.leave()
		require.Equal(t, 5, remaining(t, two.l))
	})
}

// The work is released while the command that takes its lease back is on its way. Nobody would give that lease back.
func TestATakeBackAfterTheRelease(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		ns := redistest.Unique(t)
		var release func()
		ready := make(chan struct{})
		renewals := 0
		hook := redistest.Before(func(cmds []redis.Cmder) {
			for _, cmd := range cmds {
				if args := cmd.Args(); len(args) == 10 && args[0] == "evalsha" { // renewals and releases
					<-ready
					if renewals++; renewals == 2 {
						release()
					}
				}
			}
		})
		// The take-back is in time, for the timeout is long, and the lease does not end while the test runs.
		l := open(t, rdb, ratelimit.Concurrency(1, 3*time.Second), ratelimit.Namespace(ns), ratelimit.Hooks(hook), ratelimit.Timeout(time.Second))
		_, _, done, err := l.AcquireContext(t.Context(), "k")
		require.NoError(t, err)
		drop(t, rdb, ns)
		ended := make(chan struct{})
		release = func() { done(); close(ended) }
		close(ready)
		<-ended
		redistest.Within(t, 2500*time.Millisecond, "the permit is free", func() bool { return remaining(t, l) == 1 })
	})
}

// The work is released while a renewal is on its way, which then finds the lease missing. It must not take it for lost.
func TestAReleaseDuringARenewal(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		held := make(chan func(), 1)
		var sent atomic.Int64
		hook := redistest.Before(func(cmds []redis.Cmder) {
			for _, cmd := range cmds {
				if args := cmd.Args(); len(args) == 10 && args[0] == "evalsha" && sent.Add(1) == 1 {
					release := <-held
					release()
				}
			}
		})
		l := open(t, rdb, ratelimit.Concurrency(1, 3*time.Second), ratelimit.Hooks(hook))
		_, _, release, err := l.AcquireContext(t.Context(), "k")
		require.NoError(t, err)
		held <- release
		time.Sleep(2 * time.Second)
		require.Equal(t, 1, remaining(t, l))
		require.EqualValues(t, 2, sent.Load(), "a renewal and the release")
	})
}

// Functions and handlers get the context.
func TestWorkIsTold(t *testing.T) {
	rdb := mini(t)
	ns := redistest.Unique(t)
	l := open(t, rdb, ratelimit.Concurrency(1, brief), ratelimit.Namespace(ns))
	stolen := func(work context.Context) error {
		drop(t, rdb, ns)
		_, release, err := l.Acquire(context.Background(), "ip:192.0.2.1")
		require.NoError(t, err)
		defer release()
		<-work.Done()
		return context.Cause(work)
	}
	_, err := ratelimit.Limit(func(work context.Context, _ string) (int, error) { return 0, stolen(work) },
		func(key string) string { return key }, l)(t.Context(), "ip:192.0.2.1")
	require.ErrorIs(t, err, ratelimit.ErrLeaseLost)
	h := l.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { err = stolen(r.Context()) }))
	err = nil
	require.Equal(t, 200, get(h, "/", nil).Code)
	require.ErrorIs(t, err, ratelimit.ErrLeaseLost)
}

// A shadow limit stops nobody, but counts.
func TestShadowLeases(t *testing.T) {
	rdb, ns := mini(t), redistest.Unique(t)
	l := open(t, rdb, ratelimit.Concurrency(1, brief), ratelimit.Namespace(ns), ratelimit.Shadow())
	work, _, release, err := l.AcquireContext(t.Context(), "k")
	require.NoError(t, err)
	defer release()
	drop(t, rdb, ns)
	_, _, second, err := l.AcquireContext(t.Context(), "k")
	require.NoError(t, err)
	defer second()
	redistest.Eventually(t, "it is counted", func() bool { return l.Stats().LeasesLost == 1 })
	require.NoError(t, work.Err())
}

// The work's context is the caller's in everything else.
func TestWorkEndsWithTheCaller(t *testing.T) {
	l := open(t, mini(t), ratelimit.Concurrency(1, time.Hour))
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	work, r, release, err := l.AcquireContext(ctx, "k")
	require.NoError(t, err)
	require.True(t, r.Allowed)
	_, bounded := work.Deadline()
	require.True(t, bounded)
	denied, r, _, err := l.AcquireContext(ctx, "k")
	require.NoError(t, err)
	require.False(t, r.Allowed)
	require.Equal(t, ctx, denied)
	cancel()
	<-work.Done()
	release()
	require.ErrorIs(t, context.Cause(work), context.Canceled)
}
