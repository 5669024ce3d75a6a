package store_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// shared are the evictions whose effect a node may notice with a delay, because it keeps their versions in process.
var shared = map[string]func(e *testEntry) store.Key{"cache": ways["cache"], "everything": ways["everything"]}

// The node that evicts notices at once, the others when the feed says so, or within the time for which they believe
// what they know where there is no feed.
func TestSharedEvictionReachesOtherNodes(t *testing.T) {
	for name, key := range shared {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				e := newEntry(t, rdb)
				other := e.elsewhere()
				if !isMini(t) {
					feedUp(t, e.st, other.st)
				}
				for range 5 {
					e.load("old")
					require.Equal(t, "value old", other.sees())
					e.evict(key(e))
					require.Equal(t, "evicted", e.sees())
					other.eventually("evicted")
					other.load("new")
					e.eventually("value new")
					e.evict(e.Ref.Key)
				}
			})
		})
	}
}

// Without a feed the delay is bounded by the time of trust, from the read that the knowledge comes from.
func TestTrustIsBounded(t *testing.T) {
	const trust = 300 * time.Millisecond
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	e := newEntry(t, rdb, store.Trust(trust))
	other := e.elsewhere(store.Trust(trust))
	e.load("old")
	require.Equal(t, "value old", other.sees())
	e.evict(e.All())
	evicted := time.Now()
	for {
		began := time.Now()
		if other.sees() == "evicted" {
			break
		}
		require.Less(t, began.Sub(evicted), trust, "a read that began then saw what was evicted")
	}
}

func TestStrictNoticesAtOnce(t *testing.T) {
	for name, key := range shared {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				e := newEntry(t, rdb, store.Strict())
				other := e.elsewhere(store.Strict())
				for range 20 {
					e.load("old")
					require.Equal(t, "value old", other.sees())
					e.evict(key(e))
					require.Equal(t, "evicted", other.sees())
					lease := other.acquire()
					e.evict(key(e))
					require.False(t, other.fill(lease, "old"))
				}
			})
		})
	}
}

// A hold on a whole cache is noticed as its eviction is.
func TestSharedHoldReachesOtherNodes(t *testing.T) {
	for name, key := range shared {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				e := newEntry(t, rdb)
				other := e.elsewhere()
				e.load("old")
				require.Equal(t, "value old", other.sees())
				h := e.hold(key(e))
				require.Equal(t, "held", e.sees())
				require.Equal(t, "held", e.waitsFor())
				other.eventually("held")
				e.end(h)
				require.Equal(t, "evicted", e.sees())
				other.eventually("evicted")
				other.load("new")
			})
		})
	}
}

// The versions of a cache outlive its entries, whatever other caches of the namespace want and know.
func TestVersionsOutliveTheEntries(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st := open(t, rdb)
		short := entryOf(t, rdb, st, "short", "tag")
		for range 2 { // by now the store knows the versions
			short.load("one")
			short.evict(short.Ref.Key)
		}
		const month = 30 * 24 * time.Hour
		p := st.Engine().Entries.Cache("long", schema, month)
		long := &testEntry{t: t, rdb: rdb, st: st, Cache: p, Ref: p.Ref(p.Key("long"), []string{"tag"})}
		long.load("two")
		for _, version := range []store.Key{st.Tag("tag"), p.All(), st.Everything()} {
			left, err := rdb.PTTL(t.Context(), version.String()).Result()
			require.NoError(t, err)
			require.Greater(t, left, month, version)
		}
	})
}
