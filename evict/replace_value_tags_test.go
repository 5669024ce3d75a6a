package evict_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// A tag that only the value tells is known after the write. Its eviction during the write counts all the same: what was
// written before it is not stored.
func TestReplaceStoresNothingIfAValuesTagWasEvictedDuringTheWrite(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		byValue := cacheable.TagsOf(func(string, int64) []string { return []string{"of the value"} })
		stores, src := fleet(t, rdb, 2, store.Strict()), &table{}
		a, b := cacheable.New(stores[0], "c", src.load, byValue), cacheable.New(stores[1], "c", src.load, byValue)
		reads(t, 0, "k", b)
		write := evict.Around(func(ctx context.Context, in change) (int64, error) {
			_, _ = src.write(ctx, in)
			_, _ = src.write(ctx, change{in.Key, 2}) // what the eviction is about
			require.NoError(t, evict.ByTag(ctx, b.Store(), "of the value"))
			return in.Value, nil
		}, evict.Replace(a, pair))
		_, err := write(t.Context(), change{"k", 1})
		require.NoError(t, err)
		reads(t, 2, "k", b, a)
	})
}
