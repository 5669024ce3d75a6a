package consistency_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/consistency"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

func checks(st *store.Store, cache string) store.CheckStats { return st.Stats().Caches[cache].Checks }

// A monitor finds values that were changed behind the cache's back, cached values that no longer exist, and cached
// absences of values that do. It reports nothing else, on every kind of Redis.
func TestMonitorFindsWhatIsWrong(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for _, kind := range []string{"one", "many"} {
			st, source := open(t, rdb), newTable("changed", "deleted", "right")
			var c interface {
				consistency.Cache[string, int]
				Get(context.Context, string) (int, error)
			}
			absences := cacheable.NotFound(noRows, time.Hour)
			if kind == "one" {
				c = cacheable.New(st, "row", source.load, absences)
			} else {
				c = cacheable.NewMany(st, "row", source.loadAll, absences)
			}
			found := make(chan consistency.Finding, 100)
			m := consistency.NewMonitor(c, consistency.Sample(1), consistency.Grace(50*time.Millisecond),
				consistency.OnFinding(func(f consistency.Finding) { found <- f }))
			defer m.Close()
			keys := []string{"changed", "deleted", "right", "created"}
			read := func() {
				for _, key := range keys {
					_, err := c.Get(t.Context(), key)
					if !noRows(err) && !errors.Is(err, cacheable.ErrNotFound) {
						require.NoError(t, err)
					}
				}
			}
			read()
			source.set("changed", 2)
			source.set("deleted", 0)
			source.set("created", 3)
			all := make(map[string]consistency.Finding)
			eventually(t, "all is found", func() bool {
				read()
				for len(found) > 0 {
					f := <-found
					require.NotContains(t, all, f.Key, "each is listed once")
					all[f.Key] = f
				}
				return len(all) == 3
			})
			for key, sides := range map[string][2]string{
				"changed": {"value", "value"}, "deleted": {"value", "absence"}, "created": {"absence", "value"},
			} {
				f := all[c.EntryKey(key).String()]
				require.Equal(t, sides[0], f.Cached, key)
				require.Equal(t, sides[1], f.Source, key)
				require.GreaterOrEqual(t, f.MinAge, 50*time.Millisecond)
				require.GreaterOrEqual(t, f.MaxAge, f.MinAge)
				require.False(t, f.Repaired)
			}
			k := checks(st, "row")
			require.Positive(t, k.Equal)
			require.GreaterOrEqual(t, k.Differs, int64(3))
			require.Positive(t, k.DifferedFor)
			require.Zero(t, k.Failed+k.Unsettled+k.Repaired, "%+v", k)
		}
	})
}

// Near values are compared, too: in this test Redis has no wrong entry.
func TestMonitorComparesWhatThisProcessHolds(t *testing.T) {
	rdb := redistest.Start(t).Client(t)
	st, source := open(t, rdb), newTable("k")
	eventually(t, "the feed", func() bool { return st.Stats().Feed.Up })
	c := cacheable.New(st, "row", source.load, cacheable.Near(10, time.Hour))
	m := consistency.NewMonitor(c, consistency.Sample(1), consistency.Grace(50*time.Millisecond))
	defer m.Close()
	eventually(t, "a near hit", func() bool {
		_, info, err := c.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		return info.Source == cacheable.SourceNear
	})
	source.set("k", 2)
	eventually(t, "it is found", func() bool {
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		return checks(st, "row").Differs > 0 // counted once the finding is in the report
	})
	require.Len(t, m.Report().Findings, 1)
}

// Comparisons fail if the source does not answer or panics. A user's function that panics stops nothing.
func TestMonitorGoesOn(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		b := newBubble(t, rdb, newTable("k"), nil, consistency.ClassOf(func(string) string { panic("class") }))
		b.read(t, "k")
		b.source.fail(errors.New("the source is down"))
		b.read(t, "k")
		require.Equal(t, store.CheckStats{Failed: 1}, b.checks())
		b.source.fail(nil)
		b.read(t, "k")
		require.Equal(t, store.CheckStats{Failed: 2}, b.checks())
		require.EqualValues(t, 1, b.st.Stats().Panics)
	})
}

// An error of the loader for a deleted row means absence only with the option Absent.
func TestAbsent(t *testing.T) {
	for _, withOption := range []bool{false, true} {
		redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
			source := newTable("k")
			st, err := store.Open(t.Context(), rdb, store.Logger(quiet))
			require.NoError(t, err)
			defer func() { require.NoError(t, st.Close()) }()
			c := cacheable.New(st, "row", source.load)
			options := []consistency.Option{consistency.Sample(1)}
			if withOption {
				options = append(options, consistency.Absent(noRows))
			}
			m := consistency.NewMonitor(c, options...)
			defer m.Close()
			_, err = c.Get(t.Context(), "k")
			require.NoError(t, err)
			source.set("k", 0)
			_, err = c.Get(t.Context(), "k")
			require.NoError(t, err)
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if withOption {
				require.Equal(t, "absence", m.Report().Findings[0].Source)
			} else {
				require.EqualValues(t, 1, checks(st, "row").Failed)
			}
		})
	}
}

func TestRepair(t *testing.T) {
	for name, option := range map[string]consistency.Option{"Fix": consistency.Fix(), "FixAndReload": consistency.FixAndReload()} {
		t.Run(name, func(t *testing.T) {
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				b := newBubble(t, rdb, newTable("k"), nil, option)
				b.read(t, "k")
				b.source.set("k", 2)
				b.read(t, "k")
				time.Sleep(4 * time.Second)
				synctest.Wait()
				misses := b.st.Stats().Caches["row"].Misses
				require.Equal(t, 2, b.read(t, "k"))
				k := b.st.Stats().Caches["row"]
				require.Equal(t, name == "Fix", k.Misses > misses)
				require.EqualValues(t, 1, k.Checks.Repaired)
				require.True(t, b.m.Report().Findings[0].Repaired)
			})
		})
	}
}

// Hits beyond the rate are dropped and counted, and no caller waits.
func TestMonitorIsBounded(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		b := newBubble(t, rdb, newTable(names("k%d", 10)...), nil, consistency.Rate(10), consistency.Concurrency(2))
		for _, key := range names("k%d", 10) {
			b.read(t, key)
		}
		loads := b.source.loads.Load()
		began := time.Now()
		for i := range 2000 {
			_, err := b.cache.Get(t.Context(), names("k%d", 10)[i%10])
			require.NoError(t, err)
		}
		require.Zero(t, time.Since(began), "nobody waits")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		k := b.checks()
		require.LessOrEqual(t, b.source.loads.Load()-loads, int64(101), "ten for each second")
		require.EqualValues(t, 2000, k.Equal+k.Dropped, "%+v", k)
		require.Greater(t, k.Dropped, int64(1900))
	})
}

// A monitor ends with its Close and with the store's, and does not start on a closed store.
func TestMonitorEnds(t *testing.T) {
	st, source := open(t, miniClient(t)), newTable("k")
	c := cacheable.New(st, "row", source.load)
	closed := consistency.NewMonitor(c, consistency.Sample(1))
	for range 2 {
		closed.Close()
	}
	for range 100 {
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
	}
	require.Equal(t, store.CheckStats{}, checks(st, "row"))
	left := consistency.NewMonitor(c, consistency.Sample(1))
	require.NoError(t, st.Close())
	late := consistency.NewMonitor(c, consistency.Sample(1))
	for range 200 {
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
	}
	require.Zero(t, checks(st, "row").Dropped, "nobody listens any more")
	left.Close()
	late.Close()
}
