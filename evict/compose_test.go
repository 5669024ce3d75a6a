package evict_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
)

// A write with targets in two stores is decorated once for each.
func TestAWriteIsDecoratedOnceForEachStore(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		src := &table{}
		a, b := cacheable.New(open(t, rdb), "c", src.load), cacheable.New(open(t, rdb), "c", src.load)
		write := evict.Around(evict.After(src.write, evict.Key(a, keyOf)), evict.Replace(b, pair))
		for i := range int64(3) {
			reads(t, i, "k", a, b)
			_, err := write(t.Context(), change{"k", i + 1})
			require.NoError(t, err)
			absent(t, "k", a)
			cached(t, i+1, "k", b)
		}
	})
}

// Decorated writes may call decorated writes of the same entry. It is released when the outermost has returned.
func TestAHeldWriteWithinAHeldWrite(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, src := fleet(t, rdb, 2), &table{}
		a, b := cacheable.New(stores[0], "c", src.load, tagged), cacheable.New(stores[1], "c", src.load, tagged)
		reads(t, 0, "k", b)
		inner := evict.Around(src.write, evict.Replace(a, pair))
		outer := evict.Around(func(ctx context.Context, in change) (int64, error) {
			if _, err := inner(ctx, in); err != nil {
				return 0, err
			}
			_, info, err := b.GetInfo(ctx, in.Key)
			require.NoError(t, err)
			require.Equal(t, cacheable.SourceBypass, info.Source, "the outer one is not done")
			in.Value++
			return inner(ctx, in)
		}, evict.Replace(a, pair), evict.Tags(stores[0], func(in change) []string { return []string{"of " + in.Key} }))
		v, err := outer(t.Context(), change{"k", 1})
		require.NoError(t, err)
		require.EqualValues(t, 2, v)
		reads(t, 2, "k", b, a)
	})
}

// A write may read the entry that it changes through the cache, and gets the source's value.
func TestAWriteReadsWhatItChanges(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		src := &table{}
		c := cacheable.New(open(t, rdb), "c", src.load)
		increment := evict.Around(func(ctx context.Context, in change) (int64, error) {
			v, err := c.Get(ctx, in.Key)
			if err != nil {
				return 0, err
			}
			return src.write(ctx, change{in.Key, v + 1})
		}, evict.Replace(c, pair))
		for i := range int64(5) {
			v, err := increment(t.Context(), change{Key: "k"})
			require.NoError(t, err)
			require.Equal(t, i+1, v)
			cached(t, i+1, "k", c)
		}
	})
}
