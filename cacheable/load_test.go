package cacheable_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
)

// crowd is a loader that waits until the test lets it finish, and callers that all wait for it.
type crowd struct {
	loading chan struct{}
	finish  chan struct{}
	loads   atomic.Int64
}

func newCrowd() *crowd { return &crowd{loading: make(chan struct{}), finish: make(chan struct{})} }

// hold is called by the first load; it returns when the test lets it.
func (c *crowd) hold() {
	if c.loads.Add(1) == 1 {
		close(c.loading)
		<-c.finish
	}
}

// gather starts n callers and returns when all of them wait for the load.
func gather[V any](t *testing.T, c *crowd, n int, read func() (V, error)) []*pending[V] {
	t.Helper()
	calls := []*pending[V]{async(read)}
	within(t, "the load", c.loading)
	var asked atomic.Int64
	for range n - 1 {
		calls = append(calls, async(func() (V, error) { asked.Add(1); return read() }))
	}
	eventually(t, "the callers", func() bool { return asked.Load() == int64(n-1) })
	runtime.Gosched()
	return calls
}

func TestAPanicOfTheLoaderReachesEveryCallerWithItsStack(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, crowd := open(t, rdb), newCrowd()
		cause := errors.New("boom")
		var healthy atomic.Bool
		c := cacheable.New(st, "c", func(context.Context, string) (int, error) {
			if !healthy.Load() {
				crowd.hold()
				explode(cause)
			}
			return 1, nil
		})
		calls := gather(t, crowd, 20, func() (int, error) { return c.Get(t.Context(), "k") })
		close(crowd.finish)
		for _, call := range calls {
			_, _ = call.wait(t)
			panicked, ok := call.panicked.(*cacheable.PanicError)
			require.True(t, ok, "%v", call.panicked)
			require.ErrorIs(t, panicked, cause)
			require.Contains(t, string(panicked.Stack), "cacheable_test.explode")
			require.Contains(t, panicked.Error(), "boom")
		}
		counts := requireReads(t, st, "c", 20)
		require.Equal(t, counts.Loads, counts.Panics)
		require.Equal(t, counts.Loads, counts.LoadErrors)
		require.Zero(t, st.Stats().Panics, "it is the caller's, not the store's")

		healthy.Store(true)
		v, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, 1, v)
	})
}

func explode(cause error) { panic(cause) }

func TestALoaderThatEndsItsGoroutineIsAnError(t *testing.T) {
	rdb := redistest.Start(t).Client(t)
	var loads atomic.Int64
	c := cacheable.New(open(t, rdb), "c", func(context.Context, string) (int, error) {
		if loads.Add(1) == 1 {
			runtime.Goexit()
		}
		return 1, nil
	})
	_, err := c.Get(t.Context(), "k")
	require.ErrorIs(t, err, cacheable.ErrGoexit)
	v, err := c.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, 1, v)
}

func TestAnErrorOfTheLoaderReachesEveryCallerAndIsNotCached(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, crowd := open(t, rdb), newCrowd()
		failure := errors.New("the database is on fire")
		c := cacheable.New(st, "c", func(context.Context, string) (int, error) {
			crowd.hold()
			return 0, failure
		})
		calls := gather(t, crowd, 20, func() (int, error) { return c.Get(t.Context(), "k") })
		close(crowd.finish)
		for _, call := range calls {
			_, err := call.wait(t)
			require.Equal(t, failure, err, "as it is, not wrapped")
		}
		require.Empty(t, rawGet(t, rdb, c.EntryKey("k")), "not even the lease is left")
		before := crowd.loads.Load()
		_, err := c.Get(t.Context(), "k")
		require.Equal(t, failure, err)
		require.Equal(t, before+1, crowd.loads.Load())
	})
}

// Some loaders return a value beside an error. The decorated function does too.
func TestAValueBesideAnErrorIsReturnedAndNotCached(t *testing.T) {
	st, failure := open(t, redistest.Start(t).Client(t)), errors.New("half of it")
	c := cacheable.New(st, "c", func(context.Context, string) (int, error) { return 7, failure })
	for range 2 {
		v, err := c.Get(t.Context(), "k")
		require.Equal(t, failure, err)
		require.Equal(t, 7, v)
	}
	require.EqualValues(t, 2, st.Stats().Caches["c"].Loads)
}

func TestACallerThatLeavesTakesNobodyWithIt(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, crowd := open(t, rdb), newCrowd()
		c := cacheable.New(st, "c", func(ctx context.Context, _ string) (int, error) {
			crowd.hold()
			return 1, ctx.Err()
		})
		ctx, cancel := context.WithCancel(t.Context())
		first := async(func() (int, error) { return c.Get(ctx, "k") })
		within(t, "the load", crowd.loading)
		others := gather(t, crowd, 10, func() (int, error) { return c.Get(t.Context(), "k") })
		cancel()
		_, err := first.wait(t)
		require.Equal(t, context.Canceled, err)
		close(crowd.finish)
		for _, call := range others {
			v, err := call.wait(t)
			require.NoError(t, err)
			require.Equal(t, 1, v)
		}
		require.EqualValues(t, 1, crowd.loads.Load())
	})
}

func TestAValueThatNobodyWaitsForIsStored(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, crowd := open(t, rdb), newCrowd()
		c := cacheable.New(st, "c", func(ctx context.Context, _ string) (int, error) {
			crowd.hold()
			return 1, ctx.Err()
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		calls := gather(t, crowd, 10, func() (int, error) { return c.Get(ctx, "k") })
		cancel()
		for _, call := range calls {
			_, err := call.wait(t)
			require.ErrorIs(t, err, context.Canceled)
		}
		close(crowd.finish)
		eventually(t, "the value", func() bool {
			v, ok, err := c.Peek(t.Context(), "k")
			return ok && err == nil && v == 1
		})
		require.EqualValues(t, 1, crowd.loads.Load())
	})
}

func TestACallerWhoseContextHasEndedDoesNotLoad(t *testing.T) {
	st, src := open(t, redistest.Start(t).Client(t)), source{}
	c := cacheable.New(st, "c", src.load)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Get(ctx, "k")
	require.ErrorIs(t, err, context.Canceled)
	_, _, err = c.Peek(ctx, "k")
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, src.loads.Load())
	require.NoError(t, c.Evict(ctx, "k"), "an eviction is carried out all the same")
	require.Zero(t, st.Stats().Queued)
}

type traceKey struct{}

func TestTheLoaderHasTheValuesOfTheContextAndNotItsEnd(t *testing.T) {
	st := open(t, redistest.Start(t).Client(t))
	ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), traceKey{}, "trace"), time.Minute)
	defer cancel()
	c := cacheable.New(st, "c", func(ctx context.Context, _ string) (any, error) {
		cancel()
		_, limited := ctx.Deadline()
		return []any{ctx.Value(traceKey{}), limited, ctx.Err()}, nil
	}, cacheable.StoreIf(func(string, any) bool { return false }))
	for _, load := range []func() (any, error){
		func() (any, error) { return c.Refresh(context.WithoutCancel(ctx), "k") },
		func() (any, error) { return c.Get(context.WithoutCancel(ctx), "k") },
	} {
		v, err := load()
		require.NoError(t, err)
		require.Equal(t, []any{"trace", false, nil}, v)
	}
}
