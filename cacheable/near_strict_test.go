package cacheable_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// With Strict a value of this process is used only if Redis confirms it, however late the feed is.
func TestNearIsConfirmedWithStrict(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		namespace, sent := redistest.Unique(t), &redistest.Commands{}
		here := join(t, rdb, namespace, store.Strict(), store.Hooks(sent.Hook()))
		there := join(t, rdb, namespace)
		source := 1
		load := func(context.Context, string) (int, error) { return source, nil }
		options := []cacheable.Option{
			cacheable.Near(10, time.Hour), cacheable.Tags(func(string) []string { return []string{"of keys"} }),
			cacheable.TagsOf(func(string, int) []string { return []string{"of values"} }),
		}
		c, other := cacheable.New(here, "c", load, options...), cacheable.New(there, "c", load, options...)
		get := func() (int, cacheable.Source) {
			v, info, err := c.GetInfo(t.Context(), "k")
			require.NoError(t, err)
			return v, info.Source
		}
		near := func() bool { _, from := get(); return from == cacheable.SourceNear }
		for name, change := range map[string]func(ctx context.Context) error{
			"evicted":         func(ctx context.Context) error { return other.Evict(ctx, "k") },
			"expired":         func(ctx context.Context) error { return other.Expire(ctx, "k") },
			"put":             func(ctx context.Context) error { return other.Put(ctx, "k", source) },
			"a tag of keys":   func(ctx context.Context) error { return evict.ByTag(ctx, there, "of keys") },
			"a tag of values": func(ctx context.Context) error { return evict.ByTag(ctx, there, "of values") },
			"all":             func(ctx context.Context) error { return there.Evict(ctx, other.WholeKey()) },
			"everything":      func(ctx context.Context) error { return evict.Everything(ctx, there) },
		} {
			t.Run(name, func(t *testing.T) {
				for range 20 {
					require.Eventually(t, near, 5*time.Second, time.Millisecond)
					source++
					require.NoError(t, change(t.Context()))
					v, _ := get()
					require.Equal(t, source, v)
				}
			})
		}
		require.Eventually(t, near, 5*time.Second, time.Millisecond)
		before := sent.RoundTrips("getrange", "get", "mget", "evalsha")
		require.True(t, near())
		trips := sent.RoundTrips("getrange", "get", "mget", "evalsha") - before
		require.Equal(t, 1, trips, "one round trip confirms it")
	})
}

// Versions of tags live for twice as long as the entries that rest on them, and no longer.
func TestVersionsOfTagsLiveForTwiceTheLifeOfTheirEntries(t *testing.T) {
	server := redistest.Mini(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	st := open(t, rdb)
	own := []cacheable.Option{
		cacheable.Tags(func(key string) []string { return []string{"of " + key} }),
		cacheable.TagsOf(func(key string, _ int) []string { return []string{"also of " + key} }),
	}
	short := cacheable.New(st, "short", constant(1), append(own, cacheable.TTL(2*time.Second))...)
	for i := range 1_000 {
		_, err := short.Get(t.Context(), fmt.Sprint(i))
		require.NoError(t, err)
	}
	require.Greater(t, len(server.Keys()), 3_000)
	server.FastForward(12 * time.Second)
	require.Less(t, len(server.Keys()), 30, "those of the cache, the namespace and the buckets")

	const month = 30 * 24 * time.Hour
	loads := 0
	long := cacheable.New(st, "long", func(context.Context, string) (int, error) { loads++; return 1, nil },
		append(own, cacheable.TTLOf(func(string, int) time.Duration { return month }), cacheable.Jitter(0))...)
	put := cacheable.New(st, "put", constant(1), append(own, cacheable.TTLOf(func(string, int) time.Duration { return month }), cacheable.Jitter(0))...)
	_, err := long.Get(t.Context(), "k")
	require.NoError(t, err)
	require.NoError(t, put.Put(t.Context(), "k", 1))
	for _, later := range []time.Duration{25 * time.Hour, 20 * 24 * time.Hour, 7 * 24 * time.Hour} {
		server.FastForward(later)
		_, err = long.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, 1, loads, "after %v more", later)
		_, ok, err := put.Peek(t.Context(), "k")
		require.NoError(t, err)
		require.True(t, ok)
	}
}
