package cacheable_test

import (
	"context"
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

type versioned struct {
	version atomic.Int64
	loads   atomic.Int64
}

func (v *versioned) load(context.Context, string) (*int64, error) {
	v.loads.Add(1)
	n := v.version.Load()
	return &n, nil
}

func nearCache(st *store.Store, v *versioned, options ...cacheable.Option) *cacheable.Cacheable[string, *int64] {
	options = append([]cacheable.Option{
		cacheable.Near(1000, time.Minute), cacheable.TTL(time.Hour),
		cacheable.Tags(func(string) []string { return []string{"tag"} }),
	}, options...)
	return cacheable.New(st, "near", v.load, options...)
}

// warm reads until the value comes from this process.
func warm(t *testing.T, c *cacheable.Cacheable[string, *int64], key string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, info, err := c.GetInfo(t.Context(), key)
		return err == nil && info.Source == cacheable.SourceNear
	}, 10*time.Second, time.Millisecond)
}

// In whatever way a node changes an entry, the near values of other nodes are dropped.
func TestNearIsCoherent(t *testing.T) {
	for _, kind := range []string{"single", "cluster"} {
		t.Run(kind, func(t *testing.T) {
			var rdb redis.UniversalClient
			if kind == "single" {
				rdb = redistest.Start(t).Client(t)
			} else {
				rdb = redistest.StartCluster(t).Client(t)
			}
			v, namespace := &versioned{}, redistest.Unique(t)
			one, two := openIn(t, rdb, namespace), openIn(t, rdb, namespace)
			waitForFeed(t, one)
			waitForFeed(t, two)
			here, there := nearCache(one, v), nearCache(two, v)
			changes := map[string]func() error{
				"evict":      func() error { return there.Evict(t.Context(), "k") },
				"tag":        func() error { return evict.ByTag(t.Context(), two, "tag") },
				"everything": func() error { return evict.Everything(t.Context(), two) },
				"pattern":    func() error { _, err := evict.ByPattern(t.Context(), two, "near:*"); return err },
				"put":        func() error { n := v.version.Load(); return there.Put(t.Context(), "k", &n) },
				"refresh":    func() error { _, err := there.Refresh(t.Context(), "k"); return err },
				"expire":     func() error { return there.Expire(t.Context(), "k") },
				"DEL":        func() error { return rdb.Del(t.Context(), here.EntryKey("k").String()).Err() },
				"PEXPIRE":    func() error { return rdb.PExpire(t.Context(), here.EntryKey("k").String(), time.Millisecond).Err() },
			}
			if single, ok := rdb.(*redis.Client); ok {
				changes["FLUSHALL"] = func() error { return single.FlushAll(t.Context()).Err() }
			}
			for name, change := range changes {
				t.Run(name, func(t *testing.T) {
					warm(t, here, "k")
					want := v.version.Add(1)
					require.NoError(t, change())
					require.Eventually(t, func() bool {
						got, err := here.Get(t.Context(), "k")
						return err == nil && *got == want
					}, 10*time.Second, time.Millisecond)
				})
			}
		})
	}
}

// An eviction takes effect at once on the node that evicts, with a feed and without.
func TestNearOfTheEvictingNodeIsNeverStale(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		v, st := &versioned{}, openStore(t, rdb)
		c := nearCache(st, v)
		for i := range 50 {
			warm(t, c, "k")
			want := v.version.Add(1)
			switch i % 4 {
			case 0:
				require.NoError(t, c.Evict(t.Context(), "k"))
			case 1:
				require.NoError(t, evict.ByTag(t.Context(), st, "tag"))
			case 2:
				require.NoError(t, evict.Everything(t.Context(), st))
			default:
				n := want
				require.NoError(t, c.Put(t.Context(), "k", &n))
			}
			got, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, want, *got, "round %d", i)
		}
	})
}

// Without a feed a near value is used for a second at most.
func TestNearWithoutAFeedIsBounded(t *testing.T) {
	rdb, v, namespace := miniClient(t), &versioned{}, redistest.Unique(t)
	here := nearCache(openIn(t, rdb, namespace), v)
	there := nearCache(openIn(t, rdb, namespace), v)
	warm(t, here, "k")
	want := v.version.Add(1)
	require.NoError(t, there.Evict(t.Context(), "k"))
	evicted := time.Now()
	require.Eventually(t, func() bool {
		began := time.Now()
		got, err := here.Get(t.Context(), "k")
		require.NoError(t, err)
		if began.Sub(evicted) > time.Second {
			require.Equal(t, want, *got, "older than the bound")
		}
		return *got == want
	}, 5*time.Second, time.Millisecond)
}

// When the feed's connection breaks or goes silent, no near value outlives the documented bound.
func TestNearWhenTheFeedBreaks(t *testing.T) {
	const late = 4 * time.Second // a busy machine may be
	server := redistest.Start(t)
	for name, fault := range map[string]func(*redistest.Proxy){
		"cut": (*redistest.Proxy).CutAll, "silent": (*redistest.Proxy).Hang,
	} {
		t.Run(name, func(t *testing.T) {
			proxy := redistest.StartProxy(t, server.Addr())
			through := redis.NewClient(&redis.Options{Addr: proxy.Addr()})
			t.Cleanup(func() { require.NoError(t, through.Close()) })
			v, namespace := &versioned{}, redistest.Unique(t)
			st := openIn(t, through, namespace, store.Timeout(200*time.Millisecond))
			waitForFeed(t, st)
			here := nearCache(st, v)
			there := nearCache(openIn(t, server.Client(t), namespace), v)
			warm(t, here, "k")

			fault(proxy)
			want := v.version.Add(1)
			require.NoError(t, there.Evict(t.Context(), "k"))
			evicted := time.Now()
			require.Eventually(t, func() bool {
				began := time.Now()
				got, err := here.Get(t.Context(), "k")
				require.NoError(t, err)
				if began.Sub(evicted) > 2*time.Second+late {
					require.Equal(t, want, *got, "older than the bound")
				}
				return *got == want
			}, 15*time.Second, time.Millisecond)
			proxy.Heal()
			require.Eventually(t, func() bool { return st.Stats().Feed.Up }, 10*time.Second, time.Millisecond)
			warm(t, here, "k")
		})
	}
}

func TestNearClone(t *testing.T) {
	v, st := &versioned{}, openStore(t, miniClient(t))
	c := nearCache(st, v, cacheable.Clone(func(p *int64) *int64 { n := *p; return &n }))
	warm(t, c, "k")
	got, err := c.Get(t.Context(), "k")
	require.NoError(t, err)
	*got = 99
	again, err := c.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Zero(t, *again)
	require.Zero(t, st.Stats().Caches["near"].Mutated)
}

// Under the race detector a caller that changes a shared value is detected.
func TestNearFindsMutations(t *testing.T) {
	v, st := &versioned{}, openStore(t, miniClient(t))
	c := nearCache(st, v)
	eventually(t, "it is found out", func() bool { // without a feed the value is shared for a second only
		warm(t, c, "k")
		got, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		*got = 99
		_, err = c.Get(t.Context(), "k")
		require.NoError(t, err)
		return cacheable.RaceEnabled == (st.Stats().Caches["near"].Mutated > 0)
	})
}
