package cacheable_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

func TestAfterCloseReadsGoToTheLoaderAndNothingElseWorks(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, src := open(t, rdb), source{}
		c := cacheable.New(st, "c", src.load)
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.NoError(t, st.Close())
		require.NoError(t, st.Close(), "again")
		for i := range int64(3) {
			src.value.Store(i)
			v, info, err := c.GetInfo(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, i, v)
			require.Equal(t, cacheable.SourceBypass, info.Source)
			v, err = c.Refresh(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, i, v)
		}
		require.ErrorIs(t, c.Put(t.Context(), "k", 1), store.ErrClosed)
		require.ErrorIs(t, c.Evict(t.Context(), "k"), store.ErrClosed)
		_, ok, err := c.Peek(t.Context(), "k")
		require.NoError(t, err)
		require.False(t, ok)
		requireReads(t, st, "c", 4)
	})
}

// After Close, GetAll calls the loader once for all keys.
func TestGetAllAfterCloseLoadsTogether(t *testing.T) {
	b, st := &batches{}, open(t, miniClient(t))
	many := cacheable.NewMany(st, "many", b.load)
	inThrees := cacheable.NewMany(st, "threes", b.load, cacheable.MaxBatch(3))
	require.NoError(t, st.Close())
	keys := []string{"a", "b", "c", "d", "none"}
	want := map[string]string{"a": "value of a", "b": "value of b", "c": "value of c", "d": "value of d"}
	got, err := many.GetAll(t.Context(), keys)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, [][]string{keys}, b.take())
	got, err = inThrees.GetAll(t.Context(), keys)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Len(t, b.take(), 2)
	b.fail = errors.New("no database")
	_, err = many.GetAll(t.Context(), keys)
	require.ErrorIs(t, err, b.fail)
}

// Close waits for a running load, and its value is stored.
func TestCloseLetsALoadFinish(t *testing.T) {
	rdb := redistest.Start(t).Client(t)
	stores, crowd := fleet(t, rdb, 2), newCrowd()
	c := cacheable.New(stores[0], "c", func(ctx context.Context, _ string) (int, error) { crowd.hold(); return 1, ctx.Err() })
	call := async(func() (int, error) { return c.Get(t.Context(), "k") })
	within(t, "the load", crowd.loading)
	closed := async(func() (any, error) { return nil, stores[0].Close() })
	eventually(t, "the end of the store", func() bool { return !stores[0].Engine().Life.Load(func() {}) })
	close(crowd.finish)
	v, err := call.wait(t)
	require.NoError(t, err)
	require.Equal(t, 1, v)
	_, err = closed.wait(t)
	require.NoError(t, err)
	v, ok, err := cacheable.New(stores[1], "c", constant(2)).Peek(t.Context(), "k")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, 1, v)
}

// A load that does not end in time is cancelled, and its callers get an error that says why.
func TestCloseCancelsALoadThatTakesTooLong(t *testing.T) {
	st := open(t, redistest.Start(t).Client(t), store.DrainTime(50*time.Millisecond))
	loading := make(chan struct{})
	c := cacheable.New(st, "c", func(ctx context.Context, _ string) (int, error) {
		close(loading)
		<-ctx.Done()
		return 0, ctx.Err()
	})
	call := async(func() (int, error) { return c.Get(t.Context(), "k") })
	within(t, "the load", loading)
	require.NoError(t, st.Close())
	_, err := call.wait(t)
	require.Error(t, err)
	require.ErrorIs(t, err, context.Canceled)
}
