package ratelimit_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

// A failover to a replica without the leases lets in others. Who was at work before is told, so no more than the limit go on.
func TestLeasesInAFailover(t *testing.T) {
	s := redistest.StartSentinel(t)
	ns := redistest.Unique(t)
	node := func() *crew {
		return &crew{l: open(t, s.Client(t), ratelimit.Concurrency(5, 24*time.Second), ratelimit.Namespace(ns))}
	}
	before, after := node(), node()
	defer before.leave()
	before.hire(t, 5)
	replica := s.Replica()
	_, err := replica.Do(t.Context(), "CONFIG", "SET", "replica-read-only", "no")
	require.NoError(t, err)
	redistest.Eventually(t, "the replica has not got the leases", func() bool {
		drop(t, replica.Client(t), ns)
		return len(keysOf(t, replica.Client(t), ns)) == 0
	})
	s.Failover(t)
	// Renewals come every eight seconds, and a failover takes less, unless the machine is busy: then the leases are back.
	defer after.leave()
	for range 5 {
		work, r, release, err := after.l.AcquireContext(t.Context(), "k")
		require.NoError(t, err)
		defer release()
		if r.Allowed {
			after.works = append(after.works, work)
		}
	}
	t.Logf("%d before, %d let in after", len(before.works), len(after.works))
	redistest.Within(t, time.Minute, "no more than the limit go on", func() bool { return before.atWork(t)+after.atWork(t) <= 5 })
	redistest.Eventually(t, "all of them are counted", func() bool { return remaining(t, after.l) == 5-before.atWork(t)-after.atWork(t) })
}

// A full Redis drops leases again and again. Nobody stays at work whose place is taken.
func TestLeasesOnAFullRedis(t *testing.T) {
	s := redistest.Start(t, "maxmemory-policy allkeys-random")
	rdb := s.Client(t)
	ns := redistest.Unique(t)
	c := &crew{l: open(t, rdb, ratelimit.Concurrency(5, 3*time.Second), ratelimit.Namespace(ns))}
	defer c.leave()
	c.hire(t, 5)
	require.NoError(t, rdb.ConfigSet(t.Context(), "maxmemory", "1").Err()) // everything goes
	redistest.Eventually(t, "the leases are dropped", func() bool { return len(keysOf(t, rdb, ns)) == 0 })
	require.NoError(t, rdb.ConfigSet(t.Context(), "maxmemory", "0").Err())
	for range 5 {
		if r, err := c.l.Peek(t.Context(), "k"); err == nil && r.Remaining > 0 {
			c.hire(t, 1)
		}
	}
	redistest.Eventually(t, "no more than the limit go on", func() bool { return c.atWork(t) <= 5 })
	require.GreaterOrEqual(t, c.atWork(t), 5-remaining(t, c.l))
}

// While Redis is away a permit stays with its holder, unless the limit is strict about it.
func TestLeasesWhileRedisIsAway(t *testing.T) {
	for _, strict := range []bool{false, true} {
		options := []ratelimit.Option{ratelimit.Breaker(1, 20*time.Millisecond)}
		if strict {
			options = append(options, ratelimit.FailClosed())
		}
		server := redistest.Start(t)
		l := open(t, server.Client(t), ratelimit.Concurrency(1, brief), options...)
		work, _, release, err := l.AcquireContext(t.Context(), "k")
		require.NoError(t, err)
		began := time.Now()
		server.Kill()
		if strict {
			<-work.Done()
			require.GreaterOrEqual(t, time.Since(began), brief/2)
			require.ErrorIs(t, context.Cause(work), ratelimit.ErrLeaseLost)
			require.ErrorIs(t, context.Cause(work), ratelimit.ErrUnavailable)
			require.EqualValues(t, 1, l.Stats().LeasesLost)
		}
		server.Restart()
		redistest.Eventually(t, "its permit is taken back", func() bool {
			r, err := l.Peek(t.Context(), "k")
			return err == nil && r.Source == ratelimit.FromRedis && r.Remaining == 0
		})
		require.Equal(t, strict, work.Err() != nil)
		release()
		require.Error(t, work.Err(), "it ends with the release")
	}
}
