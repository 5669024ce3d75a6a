package cacheable_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

func TestPutIsSeenByEveryNode(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores := fleet(t, rdb, 2)
		load := func(context.Context, string) (int, error) { t.Error("there was a value"); return 0, nil }
		a, b := cacheable.New(stores[0], "c", load), cacheable.New(stores[1], "c", load)
		for i := range 10 {
			require.NoError(t, a.Put(t.Context(), "k", i))
			for _, c := range []*cacheable.Cacheable[string, int]{b, a} {
				v, info, err := c.GetInfo(t.Context(), "k")
				require.NoError(t, err)
				require.Equal(t, i, v)
				require.Equal(t, cacheable.SourceHit, info.Source)
			}
		}
	})
}

// A load that began before a Put is not stored over it, and does not answer callers that come after it.
func TestPutDuringALoadWins(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, crowd := fleet(t, rdb, 2), newCrowd()
		load := func(context.Context, string) (int, error) { crowd.hold(); return 1, nil }
		a, b := cacheable.New(stores[0], "c", load), cacheable.New(stores[1], "c", load)
		first := async(func() (int, error) { return a.Get(t.Context(), "k") })
		within(t, "the load", crowd.loading)
		require.NoError(t, b.Put(t.Context(), "k", 2))
		second := async(func() (int, error) { return a.Get(t.Context(), "k") })
		v, err := second.wait(t)
		require.NoError(t, err)
		require.Equal(t, 2, v)
		close(crowd.finish)
		v, err = first.wait(t)
		require.NoError(t, err)
		require.Equal(t, 1, v, "it asked before")
		v, ok, err := b.Peek(t.Context(), "k")
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, 2, v)
		require.EqualValues(t, 1, stores[0].Stats().Caches["c"].Refused)
	})
}

// A Put whose tag is evicted afterwards is a miss, and so is one whose tags are evicted while it runs.
func TestPutHasTheTagsOfItsKey(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st := open(t, rdb)
		c := cacheable.New(st, "c", constant(1), cacheable.Tags(func(k string) []string { return []string{"all", "of " + k, "all"} }))
		for _, tag := range []string{"all", "of k"} {
			require.NoError(t, c.Put(t.Context(), "k", 7))
			v, ok, err := c.Peek(t.Context(), "k")
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, 7, v)
			require.NoError(t, st.Evict(t.Context(), st.Tag(tag)))
			_, ok, err = c.Peek(t.Context(), "k")
			require.NoError(t, err)
			require.False(t, ok)
		}
	})
}

func TestPutUnderAHoldIsNotStored(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st := open(t, rdb)
		c := cacheable.New(st, "c", constant(1), cacheable.Tags(func(string) []string { return []string{"tag"} }))
		for _, key := range []store.Key{c.EntryKey("k"), st.Tag("tag")} {
			hold, err := st.Engine().Evictor.Hold(t.Context(), key)
			require.NoError(t, err)
			require.NoError(t, c.Put(t.Context(), "k", 7))
			v, info, err := c.GetInfo(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, 1, v)
			require.Equal(t, cacheable.SourceBypass, info.Source)
			require.NoError(t, hold.End(t.Context(), 0))
			_, ok, err := c.Peek(t.Context(), "k")
			require.NoError(t, err)
			require.False(t, ok)
		}
	})
}

// After a Put that fails no older value is read: at once on this node, and on the others when Redis is back.
func TestAfterAFailedPutNoOlderValueIsServed(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	namespace, src := redistest.Unique(t), source{}
	a := cacheable.New(join(t, client(t, proxy.Addr()), namespace, store.Timeout(timeout)), "c", src.load)
	b := cacheable.New(join(t, server.Client(t), namespace), "c", src.load)
	_, err := b.Get(t.Context(), "k")
	require.NoError(t, err)
	proxy.Cut()
	src.value.Store(1)
	require.ErrorIs(t, a.Put(t.Context(), "k", 1), store.ErrUnavailable)
	v, err := a.Get(t.Context(), "k")
	require.NoError(t, err)
	require.EqualValues(t, 1, v)
	proxy.Heal()
	eventually(t, "the eviction", func() bool {
		v, err = b.Get(t.Context(), "k")
		return err == nil && v == 1
	})
}

func TestPutThatCannotBeEncodedEvicts(t *testing.T) {
	st := open(t, redistest.Start(t).Client(t))
	c := cacheable.New(st, "c", constant[any](1))
	_, err := c.Get(t.Context(), "k")
	require.NoError(t, err)
	require.ErrorContains(t, c.Put(t.Context(), "k", func() {}), "encode")
	_, ok, err := c.Peek(t.Context(), "k")
	require.NoError(t, err)
	require.False(t, ok)
}
