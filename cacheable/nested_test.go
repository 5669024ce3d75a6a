package cacheable_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// nested are caches of one node: the loader of outer reads inner, and that of inner reads a number.
type nested struct {
	st     *store.Store
	inner  *cacheable.Many[string, int64]
	middle *cacheable.Cacheable[string, int64]
	outer  *cacheable.Cacheable[string, int64]
}

func nestedCaches(st *store.Store, source *atomic.Int64, innerOptions ...cacheable.Option) *nested {
	n := &nested{st: st}
	shared := cacheable.TagsOf(func(string, int64) []string { return []string{"shared"} })
	n.inner = cacheable.NewMany(st, "inner", func(_ context.Context, keys []string) (map[string]int64, error) {
		values := make(map[string]int64)
		for _, key := range keys {
			values[key] = source.Load()
		}
		return values, nil
	}, append([]cacheable.Option{shared}, innerOptions...)...)
	n.middle = cacheable.New(st, "middle", n.inner.Get, shared)
	n.outer = cacheable.New(st, "outer", func(ctx context.Context, key string) (int64, error) {
		v, err := n.middle.Get(ctx, key)
		if err != nil {
			return 0, err
		}
		all, err := n.inner.GetAll(ctx, []string{key})
		if err != nil {
			return 0, err
		}
		return min(v, all[key]), nil // the older one, if they differ
	}, shared)
	return n
}

// What a load reads from another cache is stored for the time to live of its own. So it is never what another node has
// evicted, not even within the delay of the invalidation feed.
func TestALoadReadsNothingThatWasEvicted(t *testing.T) {
	const late = 20 * time.Millisecond
	for name, start := range map[string]func(t *testing.T) redis.UniversalClient{
		"single": func(t *testing.T) redis.UniversalClient {
			t.Helper()
			o := *redistest.Start(t).Client(t).Options()
			o.Dialer = redistest.LateFeed(late)
			return redis.NewClient(&o)
		},
		"cluster": func(t *testing.T) redis.UniversalClient {
			t.Helper()
			o := *redistest.StartCluster(t).Client(t).Options()
			o.Dialer = redistest.LateFeed(late)
			return redis.NewClusterClient(&o)
		},
	} {
		t.Run(name, func(t *testing.T) {
			rdb := start(t)
			t.Cleanup(func() { require.NoError(t, rdb.Close()) })
			stores := fleet(t, rdb, 2)
			for _, st := range stores {
				waitForFeed(t, st)
			}
			var source atomic.Int64
			writer, reader := nestedCaches(stores[0], &source, cacheable.Near(100, time.Minute)), nestedCaches(stores[1], &source, cacheable.Near(100, time.Minute))
			write := func(context.Context, string) (int64, error) { return source.Add(1), nil }
			id := func(key string) string { return key }
			for name, targets := range map[string][]evict.Target[string]{
				"keys":             {evict.Key(writer.inner, id), evict.Key(writer.middle, id), evict.Key(writer.outer, id)},
				"all":              {evict.All[string](writer.inner), evict.All[string](writer.middle), evict.Key(writer.outer, id)},
				"a tag":            {evict.Tags(stores[0], func(string) []string { return []string{"shared"} }), evict.Key(writer.outer, id)},
				"a tag and no key": {evict.Tags(stores[0], func(string) []string { return []string{"shared"} })},
			} {
				for decorator, decorated := range map[string]func(context.Context, string) (int64, error){
					"After": evict.After(write, targets...), "Around": evict.Around(write, targets...),
				} {
					t.Run(name+" "+decorator, func(t *testing.T) {
						stale := 0
						for i := range 20 {
							key := fmt.Sprint("key ", i)
							for range 3 {
								for _, get := range []func(context.Context, string) (int64, error){reader.inner.Get, reader.middle.Get, reader.outer.Get} {
									_, err := get(t.Context(), key)
									require.NoError(t, err)
								}
							}
							n, err := decorated(t.Context(), key)
							require.NoError(t, err)
							_, err = reader.outer.Get(t.Context(), key)
							require.NoError(t, err)
							late := redistest.Until(t.Context(), 2*time.Second, "the write is seen", func() bool { // what does not go by then stays for the time to live
								v, err := reader.outer.Get(t.Context(), key)
								return err == nil && v >= n
							})
							if late != nil {
								stale++
							}
						}
						require.Zero(t, stale, "of 20 values, kept for the time to live")
					})
				}
			}
		})
	}
}
