package consistency_test

import (
	"context"
	"strconv"
	"sync/atomic"
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

// What is evicted or replaced while the source is asked again explains a difference, whether the eviction comes before the
// source is asked or while it is: the entry that is compared must have been there all the time.
func TestWhatIsEvictedMeanwhileIsNoFinding(t *testing.T) {
	for name, during := range map[string]func(t *testing.T, c *cacheable.Cacheable[string, int], set func(int)){
		"the key is evicted": func(t *testing.T, c *cacheable.Cacheable[string, int], _ func(int)) {
			require.NoError(t, c.Evict(t.Context(), "k"))
		},
		"its tag is evicted": func(t *testing.T, c *cacheable.Cacheable[string, int], _ func(int)) {
			require.NoError(t, evict.ByTag(t.Context(), c.Store(), "tag"))
		},
		"it is replaced, and the source changes again": func(t *testing.T, c *cacheable.Cacheable[string, int], set func(int)) {
			require.NoError(t, c.Put(t.Context(), "k", 2))
			set(3)
		},
		"another load has put the same value": func(t *testing.T, c *cacheable.Cacheable[string, int], _ func(int)) {
			require.NoError(t, c.Put(t.Context(), "k", 1))
		},
	} {
		for when, before := range map[string]time.Duration{"before": 2 * time.Second, "while the source is asked": 3500 * time.Millisecond} {
			t.Run(name+" "+when, func(t *testing.T) {
				redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
					var value, slow atomic.Int64
					value.Store(1)
					st, err := store.Open(t.Context(), rdb, store.Logger(quiet))
					require.NoError(t, err)
					defer func() { require.NoError(t, st.Close()) }()
					c := cacheable.New(st, "row", func(context.Context, string) (int, error) {
						v := int(value.Load())
						time.Sleep(time.Duration(slow.Load()))
						return v, nil
					}, cacheable.TTL(time.Hour), cacheable.Tags(func(string) []string { return []string{"tag"} }))
					m := consistency.NewMonitor(c, consistency.Sample(1))
					defer m.Close()
					for range 2 {
						_, err = c.Get(t.Context(), "k")
						require.NoError(t, err)
						synctest.Wait()
						value.Store(2)
					}
					time.Sleep(time.Second)
					slow.Store(int64(time.Second)) // the next questions, 3 s after the first, take until then
					time.Sleep(before - time.Second)
					during(t, c, func(v int) { value.Store(int64(v)) })
					time.Sleep(time.Minute)
					synctest.Wait()
					require.Equal(t, store.CheckStats{Explained: 1}, checks(st, "row"))
				})
			})
		}
	}
}

// A write that takes effect between two questions in a row is no sign of a loader that does not repeat its answers, for
// its eviction follows. Without an eviction it is.
func TestAWriteBetweenTwoQuestions(t *testing.T) {
	for name, evicted := range map[string]bool{"with its eviction": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				var loads atomic.Int64
				var changes atomic.Bool
				w := watch(t, rdb, func(context.Context, string) (string, error) {
					if n := loads.Add(1); changes.Load() {
						return strconv.FormatInt(n, 10), nil
					}
					return "", nil
				}, consistency.Concurrency(1))
				for i := range 5 {
					changes.Store(false)
					w.read(t, 2, "k-"+strconv.Itoa(i))
					synctest.Wait()
					changes.Store(true)
					w.read(t, 1, "k-"+strconv.Itoa(i))
					synctest.Wait()
					changes.Store(false)
					if evicted {
						require.NoError(t, w.cache.Evict(t.Context(), "k-"+strconv.Itoa(i)))
					}
				}
				k := w.settle()
				class := w.m.Report().Classes[0]
				if evicted {
					require.EqualValues(t, 5, k.Explained, "%+v", k)
					require.Zero(t, class.Slips)
				} else {
					require.EqualValues(t, 5, k.Unsettled, "%+v", k)
					require.EqualValues(t, 5, class.Slips)
					require.Equal(t, consistency.DoesNotRepeat, class.Status)
				}
			})
		})
	}
}

// The first wrong entry of a class is found after the grace. Others are found then too, once the class has shown that its
// answers last for four graces; until then they have to differ for that long.
func TestHowLongADifferenceHasToLast(t *testing.T) {
	for name, test := range map[string]struct {
		keys []string
		age  time.Duration // of an equal entry
		want time.Duration
	}{
		"nothing is known":                 {keys: names("k-%d", 4), want: 18 * time.Second},
		"an equal entry is old enough":     {keys: names("k-%d", 4), age: 13 * time.Second, want: 3 * time.Second},
		"an equal entry is not old enough": {keys: names("k-%d", 4), age: 11 * time.Second, want: 18 * time.Second},
		"the first of its class, each":     {keys: []string{"a", "b", "c", "d"}, want: 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				source := newTable(append(test.keys, "k-100")...)
				b := newBubble(t, rdb, source, nil)
				for _, key := range append(test.keys, "k-100") {
					b.read(t, key)
				}
				if test.age > 0 {
					time.Sleep(test.age)
					b.read(t, "k-100")
				}
				for _, key := range test.keys {
					source.set(key, 2)
					b.read(t, key)
				}
				began := time.Now()
				for len(b.m.Report().Findings) < 4 {
					time.Sleep(10 * time.Millisecond)
					if since := time.Since(began); since > 3100*time.Millisecond && since < 3200*time.Millisecond {
						require.NotEmpty(t, b.m.Report().Findings)
					}
					require.Less(t, time.Since(began), time.Minute)
				}
				require.InDelta(t, test.want.Seconds(), time.Since(began).Seconds(), 6.1)
				if test.want < 10*time.Second {
					require.Less(t, time.Since(began), 4*time.Second)
				} else {
					require.Greater(t, time.Since(began), 11*time.Second)
				}
			})
		})
	}
}
