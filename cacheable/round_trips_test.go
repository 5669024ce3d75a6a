package cacheable_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// How many round trips each operation costs, on one node and on a Cluster. Evictions are counted in package evict.
func TestRoundTripsOfReads(t *testing.T) {
	for name, start := range map[string]func(t *testing.T) redis.UniversalClient{
		"single":  func(t *testing.T) redis.UniversalClient { t.Helper(); return redistest.Start(t).Client(t) },
		"cluster": func(t *testing.T) redis.UniversalClient { t.Helper(); return redistest.StartCluster(t).Client(t) },
	} {
		t.Run(name, func(t *testing.T) {
			sent := &redistest.Commands{}
			st := openStore(t, start(t), store.Hooks(sent.Hook()))
			waitForFeed(t, st)
			tags := cacheable.Tags(func(string) []string { return []string{"a", "b"} })
			tagsOf := cacheable.TagsOf(func(string, int) []string { return []string{"c"} })
			plain := cacheable.New(st, "plain", constant(1))
			tagged := cacheable.New(st, "tagged", constant(1), tags)
			ofValues := cacheable.New(st, "of-values", constant(1), tagsOf)
			near := cacheable.New(st, "near", constant(1), cacheable.Near(10, time.Hour))
			inner := cacheable.New(st, "inner", constant(1), tags)
			outer := cacheable.New(st, "outer", inner.Get)
			many := cacheable.NewMany(st, "many", func(_ context.Context, keys []string) (map[string]int, error) {
				values := make(map[string]int)
				for _, key := range keys {
					values[key] = 1
				}
				return values, nil
			})
			ctx, n := t.Context(), 0
			get := func(c *cacheable.Cacheable[string, int], key string) func() {
				return func() {
					_, err := c.Get(ctx, key)
					require.NoError(t, err)
				}
			}
			miss := func(c *cacheable.Cacheable[string, int]) func() {
				return func() { n++; get(c, fmt.Sprint("new ", n))() }
			}
			batch := make([]string, 100)
			for i := range batch {
				batch[i] = fmt.Sprint("batch ", i)
			}
			all := func() {
				values, err := many.GetAll(ctx, batch)
				require.NoError(t, err)
				require.Len(t, values, len(batch))
			}
			for _, op := range []struct {
				name  string
				do    func()
				trips int
			}{
				{"hit", get(plain, "k"), 1},
				{"hit with tags of the key", get(tagged, "k"), 1},
				{"hit with tags of the value", get(ofValues, "k"), 1},
				{"near hit", get(near, "k"), 0},
				{"batch of hits", all, 1},
				{"miss: read, take, fill", miss(plain), 3},
				{"miss with tags of the key", miss(tagged), 3},
				{"miss with tags of the value: their versions and buckets too", miss(ofValues), 5},
				{"miss whose loader reads another cache", func() {
					require.NoError(t, outer.Evict(ctx, "k"))
					sent.TakeNames()
					get(outer, "k")()
				}, 4},
			} {
				t.Run(op.name, func(t *testing.T) {
					counted := 0
					eventually(t, op.name, func() bool { // once the versions are known
						before := trips(sent)
						op.do()
						after := trips(sent)
						if after < before { // it was evicted first
							before = 0
						}
						counted = after - before
						return counted == op.trips
					})
				})
			}
		})
	}
}
