package cacheable_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// tape is a tracer that records loads and waits, and marks the context.
type tape struct {
	mu     sync.Mutex
	starts []store.TraceStart
	ends   []store.TraceEnd
}

type tapeKey struct{}

func (r *tape) Start(ctx context.Context, start store.TraceStart) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.starts = append(r.starts, start)
	return context.WithValue(ctx, tapeKey{}, start)
}

func (r *tape) End(ctx context.Context, end store.TraceEnd) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if start, ok := ctx.Value(tapeKey{}).(store.TraceStart); !ok || start.Operation != end.Operation {
		panic("this is not the context of the operation")
	}
	r.ends = append(r.ends, end)
}

// take waits for the end of n operations, and returns the records since it was last called.
func (r *tape) take(t *testing.T, n int) (starts []store.TraceStart, ends []store.TraceEnd) {
	t.Helper()
	eventually(t, "the end of the operations", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.ends) >= n
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Len(t, r.starts, n)
	require.Len(t, r.ends, n)
	starts, ends, r.starts, r.ends = r.starts, r.ends, nil, nil
	return starts, ends
}

func TestLoadsAreTracedWithTheirCause(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		tracer := &tape{}
		st := open(t, rdb, store.Trace(tracer))
		failure, fail := errors.New("down"), false
		var got store.TraceStart
		load := func(ctx context.Context, key string) (int, error) {
			got, _ = ctx.Value(tapeKey{}).(store.TraceStart)
			switch {
			case fail:
				return 0, failure
			case key == "none":
				return 0, errNoRows
			}
			return 1, nil
		}
		c := cacheable.New(st, "c", load, cacheable.NotFound(func(err error) bool { return errors.Is(err, errNoRows) }, time.Minute))
		want := store.TraceStart{Operation: store.OperationLoad, Namespace: st.Namespace(), Cache: "c", Cause: store.CauseMiss, Keys: 1}

		for range 3 {
			_, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
		}
		starts, ends := tracer.take(t, 1)
		require.Equal(t, want, starts[0], "hits are not traced")
		require.Equal(t, want, got, "the loader has the tracer's context")
		require.NoError(t, ends[0].Err)
		require.Positive(t, ends[0].Took)

		_, err := c.Get(t.Context(), "none")
		require.Error(t, err)
		_, ends = tracer.take(t, 1)
		require.ErrorIs(t, ends[0].Err, errNoRows)
		require.True(t, ends[0].Absent)

		want.Cause = store.CauseRefresh
		_, err = c.Refresh(t.Context(), "k")
		require.NoError(t, err)
		starts, _ = tracer.take(t, 1)
		require.Equal(t, want, starts[0])

		want.Cause, fail = store.CauseBypass, true
		hold, err := st.Engine().Evictor.Hold(t.Context(), c.EntryKey("k"))
		require.NoError(t, err)
		_, err = c.Get(t.Context(), "k")
		require.ErrorIs(t, err, failure)
		starts, ends = tracer.take(t, 1)
		require.Equal(t, want, starts[0])
		require.ErrorIs(t, ends[0].Err, failure)
		require.False(t, ends[0].Absent)
		require.NoError(t, hold.End(t.Context(), 0))
		require.EqualValues(t, 4, st.Stats().Caches["c"].LoadTimes.Count)
	})
}

func TestPanicsAndTimeoutsOfLoadsAreTraced(t *testing.T) {
	tracer := &tape{}
	st := open(t, redistest.Start(t).Client(t), store.Trace(tracer))
	release := make(chan struct{})
	defer close(release)
	panics := cacheable.New(st, "panics", func(context.Context, string) (int, error) { panic("boom") })
	require.Panics(t, func() { _, _ = panics.Get(t.Context(), "k") })
	_, ends := tracer.take(t, 1)
	require.ErrorContains(t, ends[0].Err, "boom")
	slow := cacheable.New(st, "slow", func(context.Context, string) (int, error) { <-release; return 0, nil },
		cacheable.HardTimeout(100*time.Millisecond))
	_, err := slow.Get(t.Context(), "k")
	require.ErrorIs(t, err, cacheable.ErrTimeout)
	_, ends = tracer.take(t, 1)
	require.ErrorIs(t, ends[0].Err, cacheable.ErrTimeout)
	require.GreaterOrEqual(t, ends[0].Took, 50*time.Millisecond, "the timeout begins a moment before the operation")
}

// A load of several keys is one operation, and so is a load in the background.
func TestLoadsOfSeveralAndInTheBackgroundAreTraced(t *testing.T) {
	tracer := &tape{}
	st := open(t, redistest.Start(t).Client(t), store.Trace(tracer))
	failure, fail := errors.New("down"), false
	m := cacheable.NewMany(st, "c", func(_ context.Context, keys []string) (map[string]int, error) {
		if fail {
			return nil, failure
		}
		return map[string]int{keys[len(keys)-1]: 1}, nil // there are no others
	}, cacheable.RefreshAhead(0.001), cacheable.TTL(time.Minute), cacheable.Jitter(0))
	values, err := m.GetAll(t.Context(), []string{"a", "b", "c"})
	require.NoError(t, err)
	require.Len(t, values, 1)
	starts, ends := tracer.take(t, 1)
	require.Equal(t, store.CauseMiss, starts[0].Cause)
	require.Equal(t, 3, starts[0].Keys)
	require.NoError(t, ends[0].Err, "an absence is no error")

	fail = true
	_, err = m.GetAll(t.Context(), []string{"a", "b"})
	require.ErrorIs(t, err, failure)
	starts, ends = tracer.take(t, 1)
	require.Equal(t, 2, starts[0].Keys)
	require.ErrorIs(t, ends[0].Err, failure)

	fail = false
	var key string
	for k := range values {
		key = k
	}
	eventually(t, "a refresh", func() bool {
		_, err := m.GetAll(t.Context(), []string{key})
		return err == nil && st.Stats().Caches["c"].Refreshes == 1
	})
	starts, _ = tracer.take(t, 1)
	require.Equal(t, store.CauseAhead, starts[0].Cause)
}

func TestAWaitForAnotherProcessIsTraced(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		tracer, loading, finish := &tape{}, make(chan struct{}), make(chan struct{})
		namespace := redistest.Unique(t)
		a, b := join(t, rdb, namespace), join(t, rdb, namespace, store.Trace(tracer))
		slow := cacheable.New(a, "c", func(context.Context, string) (int, error) { close(loading); <-finish; return 7, nil })
		c := cacheable.New(b, "c", func(context.Context, string) (int, error) { return 0, errors.New("must not be called") })
		first := make(chan struct{})
		go func() { defer close(first); _, _ = slow.Get(context.Background(), "k") }()
		within(t, "the load", loading)
		second := make(chan struct{})
		go func() {
			defer close(second)
			if v, err := c.Get(context.Background(), "k"); err != nil || v != 7 {
				t.Error(v, err)
			}
		}()
		eventually(t, "the wait", func() bool { return b.Stats().Caches["c"].Waits == 1 })
		close(finish)
		within(t, "the load", first)
		within(t, "the wait", second)
		starts, ends := tracer.take(t, 1)
		require.Equal(t, store.TraceStart{Operation: store.OperationWait, Namespace: namespace, Cache: "c", Keys: 1}, starts[0])
		require.NoError(t, ends[0].Err)
	})
}
