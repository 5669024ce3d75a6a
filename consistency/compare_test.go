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
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// bubble is a cache in a synctest bubble, with a monitor that compares every hit.
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

// read reads a key, and lets the monitor compare the hit.
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

// Between a write and its eviction a cache is behind its source. However the write ends, that is no finding.
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
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
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

// A difference that lasts is a finding, even if the source keeps changing, however often.
func TestWhatLastsIsAFinding(t *testing.T) {
	for name, every := range map[string]time.Duration{"it changed once": time.Hour, "it changes all the time": 70 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
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
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
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

// Values served past their TTL are not compared. A tolerated difference is no finding until it is too old.
func TestStaleOnPurpose(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
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
