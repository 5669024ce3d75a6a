package cacheable_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
)

func TestHardTimeoutEndsTheContextOfTheLoad(t *testing.T) {
	st := open(t, redistest.Start(t).Client(t))
	c := cacheable.New(st, "c", func(ctx context.Context, _ string) (int, error) {
		<-ctx.Done()
		return 0, context.Cause(ctx)
	}, cacheable.HardTimeout(50*time.Millisecond))
	_, err := c.Get(t.Context(), "k")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.EqualValues(t, 1, st.Stats().Caches["c"].LoadErrors)
}

// A loader that ignores its context keeps running, but no caller waits for it, and its value is not stored.
func TestHardTimeoutDoesNotWaitForALoaderThatIgnoresIt(t *testing.T) {
	rdb := redistest.Start(t).Client(t)
	st := open(t, rdb)
	finish, ended := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	c := cacheable.New(st, "c", func(context.Context, string) (int, error) {
		if first.CompareAndSwap(false, true) {
			defer close(ended)
			<-finish
			return 1, nil
		}
		return 2, nil
	}, cacheable.HardTimeout(50*time.Millisecond))

	_, err := async(func() (int, error) { return c.Get(t.Context(), "k") }).wait(t)
	require.ErrorIs(t, err, cacheable.ErrTimeout)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "c")
	require.Empty(t, rawGet(t, rdb, c.EntryKey("k")), "the lease is given back")
	eventually(t, "the second load", func() bool { // a busy machine may take longer than the hard timeout even for this one
		v, err := c.Get(t.Context(), "k")
		return err == nil && v == 2
	})

	close(finish)
	within(t, "the end of the first load", ended)
	v, info, err := c.GetInfo(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, 2, v)
	require.Equal(t, cacheable.SourceHit, info.Source)
}

func TestHardTimeoutHoldsForRefreshToo(t *testing.T) {
	st := open(t, redistest.Start(t).Client(t))
	var broken atomic.Bool
	c := cacheable.New(st, "c", func(ctx context.Context, _ string) (int, error) {
		if broken.Load() {
			<-ctx.Done()
			return 0, ctx.Err()
		}
		return 1, nil
	}, cacheable.HardTimeout(100*time.Millisecond))
	eventually(t, "a value", func() bool { // a busy machine may take longer than the hard timeout even for this load
		_, err := c.Get(t.Context(), "k")
		return err == nil
	})
	broken.Store(true)
	_, err := async(func() (int, error) { return c.Refresh(t.Context(), "k") }).wait(t)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	v, err := c.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, 1, v, "what was there is still there")
}

// A slow load does not delay a caller that can have a stale value; its value is stored all the same.
func TestSoftTimeout(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, loads, finish := openStore(t, rdb), atomic.Int64{}, make(chan struct{})
		c := cacheable.New(st, "soft", func(context.Context, string) (int64, error) {
			n := loads.Add(1)
			if n > 1 {
				<-finish
			}
			return n, nil
		}, cacheable.TTL(time.Hour), cacheable.FailSafe(time.Hour), cacheable.SoftTimeout(20*time.Millisecond))
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.NoError(t, c.Expire(t.Context(), "k"))
		v, info, err := c.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		require.EqualValues(t, 1, v)
		require.Equal(t, cacheable.SourceStale, info.Source)
		close(finish)
		eventually(t, "the value that was loaded", func() bool {
			v, info, err := c.GetInfo(t.Context(), "k")
			return err == nil && v == 2 && info.Source == cacheable.SourceHit
		})
		require.EqualValues(t, 2, loads.Load())
	})
}
