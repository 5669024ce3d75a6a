package store_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/eviction"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// ways are the versions that an entry depends on. A store that is Strict asks for all of them at every read.
var ways = map[string]func(e *testEntry) store.Key{
	"tag":        func(e *testEntry) store.Key { return e.st.Tag("tag") },
	"cache":      func(e *testEntry) store.Key { return e.All() },
	"everything": func(e *testEntry) store.Key { return e.st.Everything() },
}

func eachWay(t *testing.T, test func(t *testing.T, e *testEntry, key store.Key)) {
	for name, key := range ways {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				e := newEntry(t, rdb, store.Strict())
				test(t, e, key(e))
			})
		})
	}
}

func TestEvictionOfATag(t *testing.T) {
	t.Run("before a load", func(t *testing.T) {
		eachWay(t, func(t *testing.T, e *testEntry, key store.Key) {
			e.evict(key)
			e.load("one")
			require.Equal(t, "value one", e.elsewhere(store.Strict()).sees())
		})
	})
	t.Run("during a load", func(t *testing.T) {
		eachWay(t, func(t *testing.T, e *testEntry, key store.Key) {
			for _, by := range []*testEntry{e, e.elsewhere(store.Strict())} {
				lease := e.acquire()
				by.evict(key)
				require.False(t, e.fill(lease, "old"), "it is not confirmed")
				require.Equal(t, "evicted", e.sees())
				e.load("new")
				e.evict(e.Ref.Key)
			}
		})
	})
	t.Run("during a load that is given up", func(t *testing.T) {
		eachWay(t, func(t *testing.T, e *testEntry, key store.Key) {
			lease := e.acquire()
			e.evict(key)
			confirmed, err := lease.Release(t.Context())
			require.NoError(t, err)
			require.False(t, confirmed)
		})
	})
	t.Run("during a load, and started anew by another", func(t *testing.T) {
		eachWay(t, func(t *testing.T, e *testEntry, key store.Key) {
			lease := e.acquire()
			e.evict(key)
			entryOf(t, e.rdb, e.st, "another", "tag").load("new")
			require.False(t, e.fill(lease, "old"))
			require.Equal(t, "evicted", e.sees())
		})
	})
	t.Run("after a load", func(t *testing.T) {
		eachWay(t, func(t *testing.T, e *testEntry, key store.Key) {
			e.load("old")
			e.evict(key)
			other := e.elsewhere(store.Strict())
			require.Equal(t, "evicted", e.sees())
			require.Equal(t, "evicted", other.sees())
			entryOf(t, e.rdb, e.st, "another", "tag").load("new")
			require.Equal(t, "evicted", other.sees(), "a new version does not bring it back")
			other.load("new")
			require.Equal(t, "value new", e.sees())
		})
	})
	t.Run("before a put", func(t *testing.T) {
		eachWay(t, func(t *testing.T, e *testEntry, key store.Key) {
			e.load("old")
			e.evict(key)
			e.put("new")
			require.Equal(t, "value new", e.sees())
		})
	})
}

// A version that gets lost counts as evicted, so nothing that happened to it while it was gone can be missed.
func TestLossOfAVersion(t *testing.T) {
	for _, tt := range []struct {
		name string
		lose func(ctx context.Context, rdb redis.UniversalClient, addr string) error
	}{
		{"deleted", func(ctx context.Context, rdb redis.UniversalClient, addr string) error {
			return rdb.Del(ctx, addr).Err()
		}},
		{"expired", func(ctx context.Context, rdb redis.UniversalClient, addr string) error {
			return rdb.PExpire(ctx, addr, -1).Err()
		}},
		{"overwritten", func(ctx context.Context, rdb redis.UniversalClient, addr string) error {
			return rdb.Set(ctx, addr, "x", 0).Err()
		}},
		{"of the wrong type", func(ctx context.Context, rdb redis.UniversalClient, addr string) error {
			if err := rdb.Del(ctx, addr).Err(); err != nil {
				return err
			}
			return rdb.HSet(ctx, addr, "x", "y").Err()
		}},
		{"of a later format", func(ctx context.Context, rdb redis.UniversalClient, addr string) error {
			record := envelope.NewTagVersion(envelope.NewVersion())
			record[1]++
			return rdb.Set(ctx, addr, record, 0).Err()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, e *testEntry, key store.Key) {
				e.load("one")
				require.NoError(t, tt.lose(t.Context(), e.rdb, key.String()))
				require.Equal(t, "evicted", e.sees())
				e.load("two")
				left, err := e.rdb.PTTL(t.Context(), key.String()).Result()
				require.NoError(t, err)
				require.Positive(t, left, "it has a time to live again")

				e.evict(e.Ref.Key)
				lease := e.acquire()
				require.NoError(t, tt.lose(t.Context(), e.rdb, key.String()))
				require.False(t, e.fill(lease, "three"))
				require.Equal(t, "evicted", e.sees())
			})
		})
	}
}

func TestFlushAll(t *testing.T) {
	for name, rdb := range map[string]func(t *testing.T) redis.UniversalClient{
		"miniredis": func(t *testing.T) redis.UniversalClient {
			rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
			t.Cleanup(func() { require.NoError(t, rdb.Close()) })
			return rdb
		},
		"single": func(t *testing.T) redis.UniversalClient { return redistest.Start(t).Client(t) },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEntry(t, rdb(t))
			e.load("one")
			lease := entryOf(t, e.rdb, e.st, "loading", "tag").acquire()
			h := e.hold(e.Cache.Key("held"))
			require.NoError(t, e.rdb.FlushAll(t.Context()).Err())
			require.Equal(t, "absent", e.sees())
			require.False(t, e.fill(lease, "two"))
			e.end(h, eviction.Replacement{Key: e.Cache.Key("held"), Record: []byte("x"), TTL: ttl})
			require.False(t, e.exists(e.Cache.Key("held").String()))
			require.Eventually(t, func() bool {
				e.evict(e.Ref.Key)
				return e.fill(e.acquire(), "three") && e.sees() == "value three"
			}, soon, often, "everything goes on")
		})
	}
}

func TestTagIsSharedByAllCaches(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEntry(t, rdb)
		other := *e
		other.Cache = e.st.Engine().Entries.Cache("another", schema, ttl)
		other.Ref = other.Cache.Ref(other.Cache.Key("k"), []string{"more", "tag"})
		untouched := entryOf(t, rdb, e.st, "key", "more")
		e.load("one")
		other.load("two")
		untouched.Ref = e.Cache.Ref(e.Cache.Key("untouched"), []string{"more"})
		untouched.load("three")
		e.evict(e.st.Tag("tag"))
		require.Equal(t, "evicted", e.sees())
		require.Equal(t, "evicted", other.sees())
		require.Equal(t, "value three", untouched.sees())
		e.load("four")
		e.evict(other.All())
		require.Equal(t, "value four", e.sees(), "the other cache alone is evicted")
	})
}
