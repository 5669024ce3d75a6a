package consistency_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/consistency"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

func checks(st *store.Store, cache string) store.CheckStats { return st.Stats().Caches[cache].Checks }

// A value that is changed behind the cache's back is found, an absence and the lack of one are too, and what is right is
// not. On every kind of Redis.
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
					require.NotContains(t, all, f.Key, "each is told of once")
					all[f.Key] = f
				}
				return len(all) == 3
			})
			for key, sides := range map[string][2]string{
				"changed": {"value", "value"}, "deleted": {"value", "absence"}, "created": {"absence", "value"},
			} {
				f := all[c.EntryKey(key).String()]
				require.Equal(t, sides, [2]string{f.Cached, f.Source}, key)
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

// The values of Near are compared, too: here Redis has nothing to be wrong.
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
		return len(m.Report().Findings) == 1
	})
	require.Positive(t, checks(st, "row").Differs)
}

// bubble is a cache in a bubble of time, with a monitor that compares every hit.
type bubble struct {
	st     *store.Store
	source *table
	cache  *cacheable.Cacheable[string, int]
	m      *consistency.Monitor
}

func newBubble(t *testing.T, rdb redis.UniversalClient, source *table, cached []cacheable.Option, options ...consistency.Option) bubble {
	st, err := store.Open(t.Context(), rdb, store.Namespace("shop"), store.Logger(quiet))
	require.NoError(t, err)
	c := cacheable.New(st, "row", source.load, append([]cacheable.Option{cacheable.TTL(time.Hour), cacheable.NotFound(noRows, time.Hour)}, cached...)...)
	m := consistency.NewMonitor(c, append([]consistency.Option{consistency.Sample(1), consistency.Rate(1e6)}, options...)...)
	t.Cleanup(func() { m.Close(); require.NoError(t, st.Close()) })
	return bubble{st, source, c, m}
}

// read reads a key, and lets the monitor look at the hit.
func (b bubble) read(t *testing.T, key string) int {
	t.Helper()
	v, err := b.cache.Get(t.Context(), key)
	if !errors.Is(err, cacheable.ErrNotFound) && !noRows(err) {
		require.NoError(t, err)
	}
	time.Sleep(time.Millisecond)
	synctest.Wait()
	return v
}

func (b bubble) checks() store.CheckStats { return checks(b.st, "row") }

// Between a write and its eviction a cache is behind its source. That is no finding, however the write ends.
func TestWritesUnderWayAreNoFindings(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, b bubble){
		"the key is evicted": func(t *testing.T, b bubble) { require.NoError(t, b.cache.Evict(t.Context(), "k")) },
		"its tag is evicted": func(t *testing.T, b bubble) { require.NoError(t, evict.ByTag(t.Context(), b.st, "tag")) },
		"all is evicted": func(t *testing.T, b bubble) {
			require.NoError(t, b.st.Evict(t.Context(), b.cache.WholeKey()))
		},
		"another value is put":     func(t *testing.T, b bubble) { require.NoError(t, b.cache.Put(t.Context(), "k", 2)) },
		"it is loaded again":       func(t *testing.T, b bubble) { _, err := b.cache.Refresh(t.Context(), "k"); require.NoError(t, err) },
		"the write is rolled back": func(_ *testing.T, b bubble) { b.source.set("k", 1) },
		"another write holds the key": func(t *testing.T, b bubble) {
			write := evict.AroundErr(func(context.Context, string) error { time.Sleep(5 * time.Second); return nil },
				evict.Key(b.cache, func(key string) string { return key }))
			require.NoError(t, write(t.Context(), "k"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				b := newBubble(t, rdb, newTable("k"), []cacheable.Option{cacheable.Tags(func(string) []string { return []string{"tag"} })})
				b.read(t, "k")
				b.source.set("k", 2) // the write has taken effect
				for range 28 {       // for less than the grace
					require.Equal(t, 1, b.read(t, "k"))
					time.Sleep(99 * time.Millisecond)
				}
				end(t, b)
				time.Sleep(time.Minute)
				synctest.Wait()
				k := b.checks()
				require.EqualValues(t, 28, k.Explained, "%+v", k)
				require.Zero(t, k.Differs+k.Unsettled+k.Failed)
				require.Empty(t, b.m.Report().Findings)
			})
		})
	}
}

// What lasts is a finding, also if the source goes on changing, and also if it never says the same for long.
func TestWhatLastsIsAFinding(t *testing.T) {
	for name, every := range map[string]time.Duration{"it changed once": time.Hour, "it changes all the time": 70 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				b := newBubble(t, rdb, newTable("k", "other"), nil)
				for _, key := range []string{"k", "other"} {
					b.read(t, key)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go func() {
					for ; ctx.Err() == nil; time.Sleep(every) {
						b.source.add("k", 1)
					}
				}()
				synctest.Wait()
				b.read(t, "k")
				b.read(t, "other")
				began := time.Now()
				for len(b.m.Report().Findings) == 0 {
					time.Sleep(100 * time.Millisecond)
					require.Less(t, time.Since(began), time.Minute)
				}
				require.LessOrEqual(t, time.Since(began), 7*time.Second, "little more than two graces")
				for range 5 { // it is known now
					b.read(t, "k")
				}
				f := b.m.Report().Findings[0]
				require.Equal(t, b.cache.EntryKey("k").String(), f.Key)
				require.EqualValues(t, 6, f.Hits)
				k := b.checks()
				require.EqualValues(t, 6, k.Differs)
				require.EqualValues(t, 1, k.Equal)
				cancel()
				time.Sleep(2 * every)
			})
		})
	}
}

// A loader that never says the same twice can't be compared.
func TestALoaderThatCantBeCompared(t *testing.T) {
	inBubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, err := store.Open(t.Context(), rdb, store.Logger(quiet))
		require.NoError(t, err)
		defer func() { require.NoError(t, st.Close()) }()
		n := 0
		c := cacheable.New(st, "now", func(context.Context, string) (int, error) { n++; return n, nil })
		for i, want := range []store.CheckStats{{Unsettled: 1}, {Equal: 1}} {
			options := []consistency.Option{consistency.Sample(1)}
			if i == 1 {
				options = append(options, consistency.Equal(func(a, b int) bool { return (a > 0) == (b > 0) }))
			}
			m := consistency.NewMonitor(c, options...)
			before := checks(st, "now")
			for checks(st, "now") == before {
				_, err := c.Get(t.Context(), "k")
				require.NoError(t, err)
				time.Sleep(10 * time.Second)
				synctest.Wait()
			}
			m.Close()
			require.Equal(t, want, checks(st, "now").Minus(before))
		}
	})
}

// What is served past its time on purpose is not compared, and what is tolerated is no finding until it is too old.
func TestStaleOnPurpose(t *testing.T) {
	inBubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		b := newBubble(t, rdb, newTable("k"), []cacheable.Option{
			cacheable.TTL(time.Hour), cacheable.Jitter(0), cacheable.FailSafe(24 * time.Hour),
		}, consistency.Tolerate(10*time.Minute))
		b.read(t, "k")
		b.source.set("k", 2)
		for range 60 {
			require.Equal(t, 1, b.read(t, "k"))
			time.Sleep(9 * time.Second)
		}
		synctest.Wait()
		k := b.checks()
		require.Zero(t, k.Differs)
		require.EqualValues(t, 60, k.Explained)
		time.Sleep(time.Minute)
		require.Equal(t, 1, b.read(t, "k"))
		time.Sleep(4 * time.Second)
		require.EqualValues(t, 1, b.checks().Differs, "it has come to be too old")

		b.source.fail(errors.New("the source is down"))
		time.Sleep(time.Hour)
		before := b.checks()
		for range 10 {
			require.Equal(t, 1, b.read(t, "k"))
			time.Sleep(9 * time.Second)
		}
		require.Positive(t, b.st.Stats().Caches["row"].StaleHits)
		require.Equal(t, before, b.checks())
	})
}

// A source that does not answer, or panics, proves nothing; a function of the user's that panics ends nothing.
func TestMonitorGoesOn(t *testing.T) {
	inBubble(t, func(t *testing.T, rdb redis.UniversalClient) {
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

// An error of the loader's that says that a row is gone is no absence, unless somebody says so.
func TestAbsent(t *testing.T) {
	for _, told := range []bool{false, true} {
		inBubble(t, func(t *testing.T, rdb redis.UniversalClient) {
			source := newTable("k")
			st, err := store.Open(t.Context(), rdb, store.Logger(quiet))
			require.NoError(t, err)
			defer func() { require.NoError(t, st.Close()) }()
			c := cacheable.New(st, "row", source.load)
			options := []consistency.Option{consistency.Sample(1)}
			if told {
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
			if told {
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
			inBubble(t, func(t *testing.T, rdb redis.UniversalClient) {
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

// More than the rate allows is dropped and counted, and no caller waits.
func TestMonitorIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, rdb redis.UniversalClient) {
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

// The report says what there was in each window, as JSON too, and people can read it.
func TestReport(t *testing.T) {
	inBubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		b := newBubble(t, rdb, newTable(append(names("price-%d", 30), "name-1")...), nil,
			consistency.Diff(func(cached, source int) string { return "changed" }), consistency.Windows(time.Minute, time.Hour),
			consistency.ChangedAt(func(int) time.Time { return time.Now().Add(-30 * time.Second) }), consistency.Keep(5))
		for range 2 {
			for _, key := range append(names("price-%d", 30), "name-1", "none") {
				b.read(t, key)
			}
		}
		for _, key := range names("price-%d", 30) {
			b.source.set(key, 7)
		}
		time.Sleep(10 * time.Minute)
		for _, key := range append(names("price-%d", 30), "name-1") {
			b.read(t, key)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		r := b.m.Report()
		require.Equal(t, []consistency.Class{{Name: "price-*", Checked: 60, Differs: 30}, {Name: "name-*", Checked: 2}, {Name: "none", Checked: 1}}, r.Classes)
		require.Len(t, r.Findings, 5)
		require.Equal(t, 30*time.Second, r.Findings[0].MaxAge.Round(time.Second))
		require.Equal(t, r.Findings[0].MinAge, r.Findings[0].MaxAge)
		require.EqualValues(t, 31, r.Windows[0].Reads())
		require.Equal(t, 1.0, r.Windows[0].HitRatio)
		require.InDelta(t, 30.0/31, r.Windows[0].WrongRatio, 1e-9)
		require.EqualValues(t, 95, r.Windows[1].Reads())
		require.Less(t, r.Windows[1].Covers, 11*time.Minute)
		require.Equal(t, r.Total, r.Windows[1].Counts)

		raw, err := json.Marshal(r)
		require.NoError(t, err)
		var back consistency.Report
		require.NoError(t, json.Unmarshal(raw, &back))
		require.Equal(t, r.Windows, back.Windows)
		require.Equal(t, r.Classes, back.Classes)
		require.Contains(t, string(raw), `"wrong_ratio":0.96`)

		text := r.String()
		for _, part := range []string{"1m0s", "in all", "price-*", "changed", "30s", "shop:{row:price-29}"} {
			require.Contains(t, text, part)
		}
		t.Log("\n" + text)
	})
}

// A monitor ends with its Close, with that of the store, and does not begin on one that is closed.
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

func TestMonitorMisuse(t *testing.T) {
	c := cacheable.New(open(t, miniClient(t)), "row", newTable().load)
	for message, f := range map[string]func(){
		"consistency: NewMonitor: the cache is nil": func() {
			consistency.NewMonitor[string, int]((*cacheable.Cacheable[string, int])(nil))
		},
		"consistency: NewMonitor: option 1 is empty; leave it out": func() { consistency.NewMonitor(c, consistency.Option{}) },
		"consistency: NewMonitor: Resume is for Audit":             func() { consistency.NewMonitor(c, consistency.Resume(store.Position{})) },
		"consistency: NewMonitor: Equal is a func(string, string) bool, want a func(int, int) bool": func() {
			consistency.NewMonitor(c, consistency.Equal(func(a, b string) bool { return a == b }))
		},
		"consistency: Audit: Sample is for NewMonitor": func() {
			_, _ = consistency.Audit(t.Context(), c, consistency.Sample(1))
		},
		"consistency: Sample(0): use a fraction above 0, such as 0.01": func() { consistency.Sample(0) },
		"consistency: Grace(0s): use 1ms or more":                      func() { consistency.Grace(0) },
		"consistency: Rate(0): use more than 0, and 1,000,000 at most": func() { consistency.Rate(0) },
		"consistency: Concurrency(0): use 1 or more":                   func() { consistency.Concurrency(0) },
		"consistency: Keep(0): use 1 or more":                          func() { consistency.Keep(0) },
		"consistency: Tolerate(-1ns): use a positive duration":         func() { consistency.Tolerate(-1) },
		"consistency: Windows(1ms): use a second to a day":             func() { consistency.Windows(time.Millisecond) },
		"consistency: Absent: nothing is given; leave the option out":  func() { consistency.Absent(nil) },
	} {
		require.PanicsWithValue(t, message, f)
	}
}
