package cacheable_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
)

func TestTheFirstReadLoadsAndTheNextOnesHitOnEveryNode(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, src := fleet(t, rdb, 2), source{}
		src.value.Store(7)
		a := cacheable.New(stores[0], "c", src.load)
		b := cacheable.New(stores[1], "c", src.load)

		v, info, err := a.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		require.EqualValues(t, 7, v)
		require.Equal(t, cacheable.SourceMiss, info.Source)
		require.Equal(t, "c", info.Cache)
		require.Zero(t, info.Age)
		require.Positive(t, info.Took)
		for _, c := range []*cacheable.Cacheable[string, int64]{a, b} {
			for range 3 {
				v, info, err = c.GetInfo(t.Context(), "k")
				require.NoError(t, err)
				require.EqualValues(t, 7, v)
				require.Equal(t, cacheable.SourceHit, info.Source)
			}
		}
		require.EqualValues(t, 1, src.loads.Load())
		counts := requireReads(t, stores[0], "c", 4)
		require.EqualValues(t, 1, counts.Misses)
		require.EqualValues(t, 1, counts.Loads)
		require.EqualValues(t, 3, requireReads(t, stores[1], "c", 3).Hits)
	})
}

func TestEvictMakesTheNextReadLoadOnEveryNode(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, src := fleet(t, rdb, 2), source{}
		a := cacheable.New(stores[0], "c", src.load)
		b := cacheable.New(stores[1], "c", src.load)
		for i := range int64(20) {
			src.value.Store(i)
			require.NoError(t, a.Evict(t.Context(), "k", "another"))
			for _, c := range []*cacheable.Cacheable[string, int64]{b, a} {
				v, err := c.Get(t.Context(), "k")
				require.NoError(t, err)
				require.Equal(t, i, v)
			}
		}
		require.EqualValues(t, 20, src.loads.Load())
		require.NoError(t, a.Evict(t.Context()), "no keys, no work")
		require.EqualValues(t, 40, stores[0].Stats().Evictions)
	})
}

func TestPeekNeverLoadsAndNeverCounts(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, src := open(t, rdb), source{}
		src.value.Store(3)
		c := cacheable.New(st, "c", src.load)
		_, ok, err := c.Peek(t.Context(), "k")
		require.NoError(t, err)
		require.False(t, ok)
		_, err = c.Get(t.Context(), "k")
		require.NoError(t, err)
		v, ok, err := c.Peek(t.Context(), "k")
		require.NoError(t, err)
		require.True(t, ok)
		require.EqualValues(t, 3, v)
		require.EqualValues(t, 1, src.loads.Load())
		requireReads(t, st, "c", 1)
	})
}

// Values that other caches take for an absence are values like any other.
func TestEmptyValuesAreHits(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st := open(t, rdb)
		roundTrip(t, cacheable.New(st, "text", constant("")), "")
		roundTrip(t, cacheable.New(st, "star", constant("*")), "*")
		roundTrip(t, cacheable.New(st, "null", constant("null")), "null")
		roundTrip(t, cacheable.New(st, "nil", constant[*int](nil)), nil)
		roundTrip(t, cacheable.New(st, "slice", constant[[]string](nil)), nil)
		roundTrip(t, cacheable.New(st, "struct", constant(struct{}{})), struct{}{})
		roundTrip(t, cacheable.New(st, "any", constant[any](nil)), nil)
	})
}

func constant[V any](v V) func(context.Context, string) (V, error) {
	return func(context.Context, string) (V, error) { return v, nil }
}

func roundTrip[V any](t *testing.T, c *cacheable.Cacheable[string, V], want V) {
	t.Helper()
	for _, source := range []cacheable.Source{cacheable.SourceMiss, cacheable.SourceHit} {
		v, info, err := c.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, want, v)
		require.Equal(t, source, info.Source)
	}
}

func TestAgeIsCountedFromTheBeginningOfTheLoad(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores := fleet(t, rdb, 2)
		const slow = 300 * time.Millisecond
		load := func(context.Context, string) (int, error) { time.Sleep(slow); return 1, nil }
		a, b := cacheable.New(stores[0], "c", load), cacheable.New(stores[1], "c", load)
		began := time.Now()
		_, err := a.Get(t.Context(), "k")
		require.NoError(t, err)
		_, info, err := a.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		// Half a round trip is the error of the measured offset between the clocks.
		tolerance := 100 * time.Millisecond
		require.GreaterOrEqual(t, info.Age, slow-tolerance)
		require.LessOrEqual(t, info.Age, time.Since(began)+tolerance)
		_, err = b.Get(t.Context(), "other") // measures the offset on this node, too
		require.NoError(t, err)
		_, again, err := b.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		require.GreaterOrEqual(t, again.Age, 2*slow-tolerance, "another load has taken its time since")
	})
}

func TestAValueExpires(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, src := open(t, rdb), source{}
		c := cacheable.New(st, "c", src.load, cacheable.TTL(200*time.Millisecond), cacheable.Jitter(0.5))
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		left, err := rdb.PTTL(t.Context(), c.EntryKey("k").String()).Result()
		require.NoError(t, err)
		require.LessOrEqual(t, left, 200*time.Millisecond)
		if onMini(t) {
			return // its clock stands still
		}
		eventually(t, "another load", func() bool {
			_, err := c.Get(t.Context(), "k")
			return err == nil && src.loads.Load() > 1
		})
	})
}
