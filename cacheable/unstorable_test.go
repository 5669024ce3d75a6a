package cacheable_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// bad are values that can't be stored, by what fails.
var bad = map[string]any{"encode": math.NaN(), "decode": undecodable{}}

// A key whose values can't be stored costs its reads the load alone, not a lease and its end each; others are stored as usual.
func TestReadsOfAValueThatCannotBeStoredCostTheLoadAlone(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, value := range bad {
			t.Run(name, func(t *testing.T) {
				sent := &redistest.Commands{}
				st := open(t, rdb, store.Hooks(sent.Hook()))
				src := &board{}
				c := boardOf(st, src, cacheable.Codec(strict{codec.JSON()}), cacheable.Lossy())
				src.put(value)
				for range 3 {
					_, err := c.Get(t.Context(), "bad")
					require.NoError(t, err)
				}
				before := sent.RoundTrips("eval", "evalsha")
				for range 20 {
					v, info, err := c.GetInfo(t.Context(), "bad")
					require.NoError(t, err)
					require.IsType(t, value, v)
					require.Equal(t, cacheable.SourceBypass, info.Source)
					all, err := c.GetAll(t.Context(), []string{"bad"})
					require.NoError(t, err)
					require.Len(t, all, 1)
				}
				require.Equal(t, before, sent.RoundTrips("eval", "evalsha"))
				src.put("good")
				_, err := c.Get(t.Context(), "other")
				require.NoError(t, err)
				_, info, err := c.GetInfo(t.Context(), "other")
				require.NoError(t, err)
				require.Equal(t, cacheable.SourceHit, info.Source, "another key")
				_, err = c.Get(t.Context(), "bad") // not stored, but shows that the key works again
				require.NoError(t, err)
				_, err = c.Get(t.Context(), "bad")
				require.NoError(t, err)
				_, info, err = c.GetInfo(t.Context(), "bad")
				require.NoError(t, err)
				require.Equal(t, cacheable.SourceHit, info.Source, "the same key with another value")
			})
		}
	})
}

// A type that can't be stored at all is tried for some keys, not for each.
func TestATypeThatCannotBeStoredIsTriedForSomeKeys(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		sent := &redistest.Commands{}
		st := open(t, rdb, store.Hooks(sent.Hook()))
		c := cacheable.NewMany(st, "c", func(_ context.Context, keys []string) (map[string]float64, error) {
			values := make(map[string]float64)
			for _, key := range keys {
				values[key] = math.NaN()
			}
			return values, nil
		})
		for i := range 16 {
			_, err := c.Get(t.Context(), fmt.Sprint(i))
			require.NoError(t, err)
		}
		before := sent.RoundTrips("eval", "evalsha")
		keys := make([]string, 200)
		for i := range keys {
			keys[i] = fmt.Sprint("new", i)
		}
		for part := range slices.Chunk(keys, 50) {
			all, err := c.GetAll(t.Context(), part)
			require.NoError(t, err)
			require.Len(t, all, 50)
			_, err = c.Get(t.Context(), part[0]+"x")
			require.NoError(t, err)
		}
		require.Equal(t, before, sent.RoundTrips("eval", "evalsha"))
		require.EqualValues(t, 16+200+4, st.Stats().Caches["c"].Unencodable)
	})
}

// One hot key that fails does not keep the others from being stored.
func TestOneBadValueAmongMany(t *testing.T) {
	st := open(t, redistest.Start(t).Client(t))
	c := cacheable.New(st, "c", func(_ context.Context, k int) (any, error) {
		if k == 0 {
			return math.NaN(), nil
		}
		return "good", nil
	}, cacheable.TTL(time.Hour))
	for k := range 50 {
		for _, key := range []int{0, k + 1} {
			_, err := c.Get(t.Context(), key)
			require.NoError(t, err)
		}
	}
	for k := range 50 {
		_, info, err := c.GetInfo(t.Context(), k+1)
		require.NoError(t, err)
		require.Equal(t, cacheable.SourceHit, info.Source)
	}
}

// An entry that can't be decoded has its successor verified before it is stored, however many were stored before.
func TestAnEntryThatCannotBeDecodedIsNotReplacedByAnotherSuch(t *testing.T) {
	stores := fleet(t, redistest.Start(t).Client(t), 2)
	load := func(_ context.Context, k int) (any, error) {
		if k == 4 {
			return undecodable{}, nil
		}
		return "good", nil
	}
	a := cacheable.New(stores[0], "c", load, cacheable.Lossy()) // decodes it
	b := cacheable.New(stores[1], "c", load, cacheable.Lossy(), cacheable.Codec(strict{codec.JSON()}))
	for k := range 5 {
		_, err := a.Get(t.Context(), k)
		require.NoError(t, err)
	}
	for k := range 5 { // four hits, so that the bad one is the first that is stored
		_, err := b.Get(t.Context(), k)
		require.NoError(t, err)
	}
	for k := 10; k < 15; k++ { // no longer among the first values
		_, err := b.Get(t.Context(), k)
		require.NoError(t, err)
	}
	_, err := a.Refresh(t.Context(), 4)
	require.NoError(t, err)
	before := stores[1].Stats().Caches["c"]
	_, err = b.Get(t.Context(), 4)
	require.NoError(t, err)
	after := stores[1].Stats().Caches["c"]
	require.Equal(t, before.Corrupt+1, after.Corrupt)
	require.Equal(t, before.Undecodable+1, after.Undecodable)
	_, ok, err := a.Peek(t.Context(), 4)
	require.NoError(t, err)
	require.False(t, ok, "it is not stored")
}
