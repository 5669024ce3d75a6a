package cacheable_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// fragile is a codec that can be made to panic when it decodes, as a user's UnmarshalJSON may.
type fragile struct {
	codec.Codec
	broken atomic.Bool
}

func (f *fragile) Unmarshal(data []byte, v any) error {
	if f.broken.Load() {
		panic("can't decode")
	}
	return f.Codec.Unmarshal(data, v)
}

// A stored value on which the codec panics is a counted miss, like one on which it fails. It blocks neither the
// caller that reads it nor the callers that wait for the load of another node.
func TestAValueOnWhichTheCodecPanicsIsACountedMiss(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, crowd := fleet(t, rdb, 2), newCrowd()
		of := &fragile{Codec: codec.JSON()}
		a := cacheable.New(stores[0], "c", func(context.Context, string) (int, error) { crowd.hold(); return 1, nil })
		b := cacheable.New(stores[1], "c", constant(2), cacheable.Codec(of))
		first := async(func() (int, error) { return a.Get(t.Context(), "k") })
		within(t, "the load", crowd.loading)
		of.broken.Store(true)
		second := async(func() (int, error) { return b.Get(t.Context(), "k") })
		eventually(t, "the wait", func() bool { return stores[1].Stats().Caches["c"].Waits == 1 })
		close(crowd.finish)
		v, err := first.wait(t)
		require.NoError(t, err)
		require.Equal(t, 1, v)
		v, err = second.wait(t)
		require.Nil(t, second.panicked)
		require.NoError(t, err)
		require.Equal(t, 2, v)
		require.EqualValues(t, 1, stores[1].Stats().Caches["c"].Corrupt)

		_, ok, err := b.Peek(t.Context(), "k")
		require.NoError(t, err)
		require.False(t, ok)
		of.broken.Store(false)
		v, err = b.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, 2, v)
	})
}

// hook is a user's hook that panics when the store stores a value.
type hook struct{ broken atomic.Bool }

func (h *hook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if h.broken.Load() && cmd.Name() != "get" && cmd.Name() != "mget" {
			panic("a hook of the user's")
		}
		return next(ctx, cmd)
	}
}

func (h *hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if h.broken.Load() {
			panic("a hook of the user's")
		}
		return next(ctx, cmds)
	}
}

// No panic in a goroutine of the library leaves a caller waiting for ever.
func TestAHookThatPanicsFailsNoRead(t *testing.T) {
	h := &hook{}
	st, src := open(t, redistest.Start(t).Client(t), store.Hooks(h)), source{}
	c := cacheable.New(st, "c", src.load)
	_, err := c.Get(t.Context(), "other")
	require.NoError(t, err)
	h.broken.Store(true)
	for range 2 {
		_, err = async(func() (int64, error) { return c.Get(t.Context(), "k") }).wait(t)
		require.NoError(t, err)
	}
	_, err = async(func() (int64, error) { return c.Refresh(t.Context(), "k") }).wait(t)
	require.NoError(t, err)
	h.broken.Store(false)
	require.Positive(t, st.Stats().Panics)
	_, err = c.Get(t.Context(), "k")
	require.NoError(t, err)
	_, info, err := c.GetInfo(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, cacheable.SourceHit, info.Source)
}
