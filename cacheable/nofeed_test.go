package cacheable_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// Without a feed the evictions of another node are noticed within a second, whatever this node had read before. A near
// value relies on tag versions that are no newer than itself.
func TestWithoutAFeedEvictionsAreNoticedWithinASecond(t *testing.T) {
	type nearly = cacheable.Cacheable[string, *int64]
	for how, evictAll := range map[string]func(t *testing.T, st *store.Store, c *nearly) error{
		"key":          func(t *testing.T, _ *store.Store, c *nearly) error { return c.Evict(t.Context(), "two") },
		"tag":          func(t *testing.T, st *store.Store, _ *nearly) error { return evict.ByTag(t.Context(), st, "tag") },
		"tag of value": func(t *testing.T, st *store.Store, _ *nearly) error { return evict.ByTag(t.Context(), st, "of value") },
		"all":          func(t *testing.T, st *store.Store, c *nearly) error { return st.Evict(t.Context(), c.WholeKey()) },
		"everything":   func(t *testing.T, st *store.Store, _ *nearly) error { return evict.Everything(t.Context(), st) },
	} {
		t.Run(how, func(t *testing.T) {
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				v, namespace := &versioned{}, redistest.Unique(t)
				mine, other := openIn(t, rdb, namespace), openIn(t, rdb, namespace)
				ofValue := cacheable.TagsOf(func(string, *int64) []string { return []string{"of value"} })
				here, there := nearCache(mine, v, ofValue), nearCache(other, v, ofValue)
				get := func(c *nearly, key string) int64 {
					n, err := c.Get(t.Context(), key)
					require.NoError(t, err)
					return *n
				}
				for wait := time.Duration(0); wait < time.Second; wait += 190 * time.Millisecond {
					for gap := 10 * time.Millisecond; gap < time.Second; gap += 240 * time.Millisecond {
						time.Sleep(3 * time.Second) // nothing is believed any more
						get(there, "two")
						get(here, "one") // learns what all keys rest on
						time.Sleep(wait)
						want := v.version.Add(1)
						require.NoError(t, evictAll(t, other, there))
						evicted := time.Now()
						time.Sleep(gap)
						for get(here, "two") != want {
							time.Sleep(10 * time.Millisecond)
						}
						require.LessOrEqual(t, time.Since(evicted), time.Second, "evicted after %v, read %v later", wait, gap)
					}
				}
			})
		})
	}
}
