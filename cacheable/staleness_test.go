package cacheable_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// reader reads one key of a cache in one of the ways there are.
type reader func(ctx context.Context, key string) (int64, cacheable.Source, error)

// readers are caches of one name on several nodes, read one by one and in batches. Each load takes a second.
func readers(t *testing.T, rdb redis.UniversalClient, nodes int, m *moody, options ...cacheable.Option) map[string][]reader {
	t.Helper()
	m.delay.Store(int64(time.Second))
	all := make(map[string][]reader)
	for range nodes {
		st, err := store.Open(t.Context(), rdb, store.Logger(redistest.NewLog(100).Logger()))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, st.Close()) })
		one := cacheable.New(st, "one", m.load, append(options, cacheable.Jitter(0))...)
		many := cacheable.NewMany(st, "many", func(ctx context.Context, keys []string) (map[string]int64, error) {
			v, err := m.load(ctx, keys[0])
			return map[string]int64{keys[0]: v}, err
		}, append(options, cacheable.Jitter(0))...)
		all["single"] = append(all["single"], func(ctx context.Context, key string) (int64, cacheable.Source, error) {
			v, info, err := one.GetInfo(ctx, key)
			return v, info.Source, err
		})
		all["batch"] = append(all["batch"], func(ctx context.Context, key string) (int64, cacheable.Source, error) {
			before := st.Stats().Caches["many"].StaleHits
			v, err := many.GetAll(ctx, []string{key})
			if st.Stats().Caches["many"].StaleHits > before {
				return v[key], cacheable.SourceStale, err
			}
			return v[key], cacheable.SourceHit, err
		})
	}
	return all
}

func eachReader(t *testing.T, nodes int, options []cacheable.Option, test func(t *testing.T, m *moody, nodes []reader)) {
	t.Helper()
	for _, way := range []string{"single", "batch"} {
		t.Run(way, func(t *testing.T) {
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				m := &moody{}
				test(t, m, readers(t, rdb, nodes, m, options...)[way])
			})
		})
	}
}

// Reads of a value whose time has ended are answered at once by the old one, for as long as the option says. One load in the
// fleet replaces it.
func TestStaleWhileRevalidate(t *testing.T) {
	options := []cacheable.Option{cacheable.TTL(time.Minute), cacheable.StaleWhileRevalidate(30 * time.Second)}
	eachReader(t, 4, options, func(t *testing.T, m *moody, nodes []reader) {
		ctx := t.Context()
		read := func(want int64, source cacheable.Source, took time.Duration) {
			t.Helper()
			for _, node := range nodes {
				began := time.Now()
				v, from, err := node(ctx, "k")
				require.NoError(t, err)
				require.Equal(t, want, v)
				require.Equal(t, source, from)
				require.Equal(t, took, time.Since(began))
			}
		}
		_, _, err := nodes[0](ctx, "k")
		require.NoError(t, err)
		read(1, cacheable.SourceHit, 0)
		time.Sleep(61 * time.Second)
		for range 9 {
			read(1, cacheable.SourceStale, 0)
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
		}
		time.Sleep(time.Second)
		read(2, cacheable.SourceHit, 0)
		require.EqualValues(t, 2, m.loads.Load())

		time.Sleep(91 * time.Second)
		began := time.Now()
		v, _, err := nodes[1](ctx, "k")
		require.NoError(t, err)
		require.EqualValues(t, 3, v)
		require.Equal(t, time.Second, time.Since(began), "it is too old to be the answer")
	})
}

// While the loads fail, they are tried at growing intervals by the fleet, and the answer stays the old one until its time ends.
func TestStaleWhileRevalidateOfASourceThatIsDown(t *testing.T) {
	options := []cacheable.Option{cacheable.TTL(time.Minute), cacheable.StaleWhileRevalidate(time.Minute), cacheable.FailSafe(90 * time.Second)}
	eachReader(t, 4, options, func(t *testing.T, m *moody, nodes []reader) {
		_, _, err := nodes[0](t.Context(), "k")
		require.NoError(t, err)
		time.Sleep(61 * time.Second)
		m.down.Store(true)
		began, waited := time.Now(), 0
		for time.Since(began) < 88*time.Second {
			for _, node := range nodes {
				before := time.Now()
				v, from, err := node(t.Context(), "k")
				require.NoError(t, err)
				require.EqualValues(t, 1, v)
				require.Equal(t, cacheable.SourceStale, from)
				if time.Since(before) > 0 {
					waited++
					require.Greater(t, time.Since(began), 58*time.Second, "reads wait only where the value is no answer while it is loaded")
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		require.Positive(t, waited)
		require.Greater(t, m.loads.Load(), int64(5), "it is tried again")
		require.Less(t, m.loads.Load(), int64(40))
		time.Sleep(5 * time.Second)
		_, _, err = nodes[0](t.Context(), "k")
		require.ErrorIs(t, err, errDown)
	})
}

// A value that was evicted is no answer. One that was expired is, for the time of the option from then on.
func TestStaleWhileRevalidateAfterEvictions(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m, st := &moody{}, openStore(t, rdb)
		c := cacheable.New(st, "c", m.load, cacheable.TTL(time.Hour), cacheable.StaleWhileRevalidate(time.Hour),
			cacheable.Tags(func(string) []string { return []string{"tag"} }))
		get := func() (int64, cacheable.Source) {
			v, info, err := c.GetInfo(t.Context(), "k")
			require.NoError(t, err)
			return v, info.Source
		}
		get()
		for i, evicted := range []func() error{
			func() error { return c.Evict(t.Context(), "k") },
			func() error { return evict.ByTag(t.Context(), st, "tag") },
			func() error { return evict.Everything(t.Context(), st) },
		} {
			require.NoError(t, evicted())
			v, source := get()
			require.EqualValues(t, i+2, v)
			require.Equal(t, cacheable.SourceMiss, source)
		}
		m.delay.Store(int64(50 * time.Millisecond))
		require.NoError(t, c.Expire(t.Context(), "k"))
		v, source := get()
		require.EqualValues(t, 4, v)
		require.Equal(t, cacheable.SourceStale, source)
		require.Eventually(t, func() bool { v, source = get(); return source == cacheable.SourceHit }, 10*time.Second, time.Millisecond)
		require.EqualValues(t, 5, v)
		require.EqualValues(t, 5, m.loads.Load())
	})
}

// Each value may have times of its own, and is kept for the longer of them. A function that panics means none.
func TestStaleTimesOfTheValue(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, err := store.Open(t.Context(), rdb, store.Logger(redistest.NewLog(100).Logger()))
		require.NoError(t, err)
		defer func() { require.NoError(t, st.Close()) }()
		var down atomic.Bool
		times := map[string][2]time.Duration{ // onError, whileRevalidate
			"none": {}, "error": {time.Minute, 0}, "revalidate": {0, time.Minute}, "both": {2 * time.Minute, time.Minute}, "negative": {-1, -1},
		}
		c := cacheable.New(st, "c", func(_ context.Context, key string) (string, error) {
			if down.Load() {
				return "", errDown
			}
			return key, nil
		}, cacheable.TTL(time.Minute), cacheable.Jitter(0), cacheable.FailSafe(time.Hour), cacheable.StaleWhileRevalidate(time.Hour),
			cacheable.FailSafeOf(func(key, value string) time.Duration {
				require.Equal(t, key, value)
				if key == "panic" {
					panic(key)
				}
				return times[key][0]
			}),
			cacheable.StaleWhileRevalidateOf(func(key, value string) time.Duration {
				require.Equal(t, key, value)
				return times[key][1]
			}))
		for key, of := range times {
			_, err := c.Get(t.Context(), key)
			require.NoError(t, err)
			left := rdb.PTTL(t.Context(), c.EntryKey(key).String()).Val()
			require.InDelta(t, (time.Minute + max(of[0], of[1], 0)).Seconds(), left.Seconds(), 0.01, key)
		}
		_, err = c.Get(t.Context(), "panic")
		require.NoError(t, err)
		down.Store(true)
		time.Sleep(90 * time.Second)
		for _, key := range []string{"none", "negative", "panic"} {
			_, err = c.Get(t.Context(), key)
			require.ErrorIs(t, err, errDown, key)
		}
		for _, key := range []string{"error", "revalidate", "both"} {
			_, info, err := c.GetInfo(t.Context(), key)
			require.NoError(t, err, key)
			require.Equal(t, cacheable.SourceStale, info.Source)
		}
		time.Sleep(time.Minute)
		for _, key := range []string{"error", "revalidate"} {
			_, err = c.Get(t.Context(), key)
			require.ErrorIs(t, err, errDown, key)
		}
		_, info, err := c.GetInfo(t.Context(), "both")
		require.NoError(t, err)
		require.Equal(t, cacheable.SourceStale, info.Source)
	})
}

// What a loader reads from another cache is not the old value, so that what it makes of it can be stored.
func TestALoaderWaitsForTheNewValue(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, err := store.Open(t.Context(), rdb, store.Logger(redistest.NewLog(100).Logger()))
		require.NoError(t, err)
		defer func() { require.NoError(t, st.Close()) }()
		m := &moody{}
		m.delay.Store(int64(time.Second))
		inner := cacheable.New(st, "inner", m.load, cacheable.TTL(time.Minute), cacheable.StaleWhileRevalidate(time.Hour))
		outer := cacheable.New(st, "outer", inner.Get, cacheable.TTL(time.Hour))
		_, err = inner.Get(t.Context(), "k")
		require.NoError(t, err)
		time.Sleep(2 * time.Minute)
		var readers sync.WaitGroup
		readers.Go(func() {
			v, err := inner.Get(t.Context(), "k")
			assert.NoError(t, err)
			assert.EqualValues(t, 1, v, "at once")
		})
		v, err := outer.Get(t.Context(), "k")
		readers.Wait()
		require.NoError(t, err)
		require.EqualValues(t, 2, v)
		_, info, err := outer.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, cacheable.SourceHit, info.Source, "it is stored")
		require.EqualValues(t, 2, m.loads.Load())
	})
}
