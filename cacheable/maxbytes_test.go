package cacheable_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/codec/s2"
	"github.com/jollyjet/aside/codec/zstd"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// most is the bound of the caches in these tests.
const most = 100

// sized returns a text that is n bytes long as JSON.
func sized(n int) string { return strings.Repeat("x", n-2) }

// sizes is a source of texts of a size that the test sets.
type sizes struct {
	size  atomic.Int64
	loads atomic.Int64
}

func newSizes(n int) *sizes {
	s := &sizes{}
	s.size.Store(int64(n))
	return s
}

func (s *sizes) load(context.Context, string) (string, error) {
	s.loads.Add(1)
	return sized(int(s.size.Load())), nil
}

// bounded is a cache with the bound.
func bounded(st *store.Store, s *sizes, options ...cacheable.Option) *cacheable.Cacheable[string, string] {
	return cacheable.New(st, "c", s.load, append([]cacheable.Option{cacheable.MaxBytes(most), cacheable.TTL(time.Hour)}, options...)...)
}

func tooLarge(st *store.Store) int64 { return st.Stats().Caches["c"].TooLarge }

// In every way to store it, a value is stored if it has as many bytes as the bound, and not if it has one more.
func TestMaxBytesIsTheLargestThatIsStored(t *testing.T) {
	for name, bring := range map[string]func(ctx context.Context, c *cacheable.Many[string, string], v string) error{
		"get": func(ctx context.Context, c *cacheable.Many[string, string], _ string) error {
			_, err := c.Get(ctx, "k")
			return err
		},
		"getAll": func(ctx context.Context, c *cacheable.Many[string, string], _ string) error {
			_, err := c.GetAll(ctx, []string{"k"})
			return err
		},
		"refresh": func(ctx context.Context, c *cacheable.Many[string, string], _ string) error {
			_, err := c.Refresh(ctx, "k")
			return err
		},
		"put": func(ctx context.Context, c *cacheable.Many[string, string], v string) error {
			return c.Put(ctx, "k", v)
		},
		"replacement": func(ctx context.Context, c *cacheable.Many[string, string], v string) error {
			replace, err := c.Replacement(ctx, "k")
			if err != nil {
				return err
			}
			hold, err := c.Store().Engine().Evictor.Hold(ctx, c.EntryKey("k"))
			if err != nil {
				return err
			}
			if r, ok := replace(v); ok {
				return hold.End(ctx, 0, r)
			}
			return hold.End(ctx, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				for _, n := range []int{2, most - 1, most, most + 1, 100 * most} {
					st, v := open(t, rdb), sized(n)
					c := cacheable.NewMany(st, "c", func(_ context.Context, keys []string) (map[string]string, error) {
						return map[string]string{keys[0]: v}, nil
					}, cacheable.MaxBytes(most))
					require.NoError(t, bring(t.Context(), c, v))
					got, ok, err := c.Peek(t.Context(), "k")
					require.NoError(t, err)
					require.Equal(t, n <= most, ok, "%d bytes", n)
					if ok {
						require.Equal(t, v, got)
						require.Zero(t, tooLarge(st))
						continue
					}
					require.Empty(t, rawGet(t, rdb, c.EntryKey("k")), "not even a lease is left")
					require.EqualValues(t, 1, tooLarge(st))
				}
			})
		})
	}
}

// The bound is for the codec's output, so a codec that compresses lets larger values pass.
func TestMaxBytesIsOfTheCompressedValue(t *testing.T) {
	st := open(t, redistest.Start(t).Client(t))
	for i, c := range []codec.Codec{codec.JSON(), zstd.New(codec.JSON()), s2.New(codec.JSON())} {
		src := newSizes(10_000)
		cache := cacheable.New(st, fmt.Sprint("c", i), src.load, cacheable.MaxBytes(1000), cacheable.Codec(c))
		_, err := cache.Get(t.Context(), "k")
		require.NoError(t, err)
		_, ok, err := cache.Peek(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, i > 0, ok, c.Name())
	}
}

// Without the option there is no bound.
func TestByDefaultLargeValuesAreStored(t *testing.T) {
	st, src := open(t, redistest.Start(t).Client(t)), newSizes(4<<20)
	c := cacheable.New(st, "c", src.load)
	for range 2 {
		v, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Len(t, v, 4<<20-2)
	}
	require.EqualValues(t, 1, src.loads.Load())
	require.Zero(t, tooLarge(st))
}

// Every read of a value that is too large loads it. When it has become smaller it is stored again.
func TestAValueThatIsTooLargeIsAlwaysAMiss(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, src := fleet(t, rdb, 2), newSizes(most+1)
		a, b := bounded(stores[0], src), bounded(stores[1], src)
		caches := []*cacheable.Cacheable[string, string]{a, b}
		for range 2 {
			for _, c := range caches {
				v, info, err := c.GetInfo(t.Context(), "k")
				require.NoError(t, err)
				require.Equal(t, sized(most+1), v)
				require.Equal(t, cacheable.SourceMiss, info.Source)
			}
		}
		require.EqualValues(t, 4, src.loads.Load())
		for _, st := range stores {
			counts := requireReads(t, st, "c", 2)
			require.EqualValues(t, 2, counts.TooLarge)
			require.Zero(t, counts.Refused)
			require.Zero(t, counts.BytesWritten)
		}
		src.size.Store(most)
		_, err := a.Get(t.Context(), "k")
		require.NoError(t, err)
		for _, c := range caches {
			_, info, err := c.GetInfo(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, cacheable.SourceHit, info.Source)
		}
	})
}

// All callers that wait in one process for a load get its value, each its own copy.
func TestAllWhoWaitGetTheValueThatIsTooLarge(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, crowd, large := open(t, rdb), newCrowd(), sized(most+1)
		c := cacheable.New(st, "c", func(context.Context, string) ([]string, error) {
			crowd.hold()
			return []string{large}, nil
		}, cacheable.MaxBytes(most))
		calls := gather(t, crowd, 20, func() ([]string, error) { return c.Get(t.Context(), "k") })
		close(crowd.finish)
		for _, call := range calls {
			v, err := call.wait(t)
			require.NoError(t, err)
			require.Equal(t, []string{large}, v)
			v[0] = "changed"
		}
		require.Equal(t, crowd.loads.Load(), tooLarge(st))
	})
}

// A caller that waits on another node notices that the load is over, and loads by itself.
func TestAWaiterOnAnotherNodeLoadsWhatIsTooLarge(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, crowd := fleet(t, rdb, 2, store.LeaseTime(time.Minute)), newCrowd() // nobody waits for its end
		src := newSizes(most + 1)
		a := cacheable.New(stores[0], "c", func(ctx context.Context, key string) (string, error) {
			crowd.hold()
			return src.load(ctx, key)
		}, cacheable.MaxBytes(most))
		b := bounded(stores[1], src)
		first := async(func() (string, error) { return a.Get(t.Context(), "k") })
		within(t, "the load", crowd.loading)
		second := async(func() (string, error) { return b.Get(t.Context(), "k") })
		eventually(t, "the wait", func() bool { return stores[1].Stats().Caches["c"].Waits == 1 })
		require.Zero(t, src.loads.Load())
		close(crowd.finish)
		for _, call := range []*pending[string]{first, second} {
			v, err := call.wait(t)
			require.NoError(t, err)
			require.Equal(t, sized(most+1), v)
		}
		require.EqualValues(t, 2, src.loads.Load())
		require.EqualValues(t, 1, tooLarge(stores[1]))
	})
}

// A stale value is no fallback once the source has returned a newer one.
func TestFailSafeHasNothingOlderThanAValueThatWasTooLarge(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores := fleet(t, rdb, 2)
		var down atomic.Bool
		src := newSizes(2)
		load := func(ctx context.Context, key string) (string, error) {
			if down.Load() {
				return "", errDown
			}
			return src.load(ctx, key)
		}
		var caches []*cacheable.Cacheable[string, string]
		for _, st := range stores {
			caches = append(caches, cacheable.New(st, "c", load, cacheable.MaxBytes(most), cacheable.FailSafe(time.Hour)))
		}
		_, err := caches[0].Get(t.Context(), "k")
		require.NoError(t, err)
		require.NoError(t, caches[0].Expire(t.Context(), "k"))
		src.size.Store(most + 1)
		v, info, err := caches[0].GetInfo(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, sized(most+1), v)
		require.Equal(t, cacheable.SourceMiss, info.Source)
		down.Store(true)
		for _, c := range caches {
			_, err := c.Get(t.Context(), "k")
			require.ErrorIs(t, err, errDown)
		}
	})
}

// A Put supersedes the entry, and loads that are running, even if its value is not stored.
func TestPutOfAValueThatIsTooLargeEvicts(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, crowd := fleet(t, rdb, 2), newCrowd()
		load := func(context.Context, string) (string, error) { crowd.hold(); return "loaded", nil }
		a := cacheable.New(stores[0], "c", load, cacheable.MaxBytes(most))
		b := cacheable.New(stores[1], "c", load, cacheable.MaxBytes(most))
		absent := func() {
			t.Helper()
			for _, c := range []*cacheable.Cacheable[string, string]{a, b} {
				_, ok, err := c.Peek(t.Context(), "k")
				require.NoError(t, err)
				require.False(t, ok)
			}
		}
		require.NoError(t, a.Put(t.Context(), "k", "small"))
		require.NoError(t, a.Put(t.Context(), "k", sized(most+1)))
		absent()

		loading := async(func() (string, error) { return b.Get(t.Context(), "k") })
		within(t, "the load", crowd.loading)
		require.NoError(t, a.Put(t.Context(), "k", sized(most+1)))
		close(crowd.finish)
		v, err := loading.wait(t)
		require.NoError(t, err)
		require.Equal(t, "loaded", v)
		absent()
		require.EqualValues(t, 2, tooLarge(stores[0]))
		require.EqualValues(t, 1, stores[1].Stats().Caches["c"].Refused)
	})
}

// A Put that is too large counts as another write for a writer who holds the key: the writer's value is not stored.
func TestPutOfAValueThatIsTooLargeUnderAHold(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		c := bounded(open(t, rdb), newSizes(2))
		replace, err := c.Replacement(t.Context(), "k")
		require.NoError(t, err)
		hold, err := c.Store().Engine().Evictor.Hold(t.Context(), c.EntryKey("k"))
		require.NoError(t, err)
		require.NoError(t, c.Put(t.Context(), "k", sized(most+1)))
		r, ok := replace("older")
		require.True(t, ok)
		require.NoError(t, hold.End(t.Context(), 0, r))
		_, ok, err = c.Peek(t.Context(), "k")
		require.NoError(t, err)
		require.False(t, ok)
	})
}

// Of a batch only the values that are too large are not stored; the other values and the absences are.
func TestInABatchOnlyWhatIsTooLargeIsNotStored(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for _, maxBatch := range []int{0, 2} {
			st, asked := open(t, rdb), &batches{}
			c := cacheable.NewMany(st, "c", func(ctx context.Context, keys []string) (map[string]string, error) {
				values, err := asked.load(ctx, keys)
				if _, ok := values["large"]; ok {
					values["large"] = sized(most + 1)
				}
				return values, err
			}, cacheable.MaxBytes(most), cacheable.MaxBatch(maxBatch), cacheable.NotFound(isNoRows, time.Minute))
			want := map[string]string{"a": "value of a", "large": sized(most + 1), "z": "value of z"}
			for round := range int64(3) {
				got, err := c.GetAll(t.Context(), []string{"a", "large", "none", "z"})
				require.NoError(t, err)
				require.Equal(t, want, got)
				require.Equal(t, round+1, tooLarge(st))
				if loads := asked.take(); round > 0 {
					require.Equal(t, [][]string{{"large"}}, loads)
				}
			}
			require.Empty(t, rawGet(t, rdb, c.EntryKey("large")))
		}
	})
}

// A batch is refreshed in the background: the value that has become too large is gone, and the others are new.
func TestABatchThatIsRefreshedWithOneThatIsTooLarge(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st := open(t, rdb)
		var version atomic.Int64
		c := cacheable.NewMany(st, "c", func(_ context.Context, keys []string) (map[string]string, error) {
			values := make(map[string]string)
			for _, key := range keys {
				values[key] = fmt.Sprint(version.Load())
			}
			if values["large"] != "" && version.Load() > 0 {
				values["large"] = sized(most + 1)
			}
			return values, nil
		}, cacheable.MaxBytes(most), cacheable.TTL(time.Hour), cacheable.RefreshAhead(0.0000001))
		_, err := c.GetAll(t.Context(), []string{"a", "large", "z"})
		require.NoError(t, err)
		version.Store(1)
		eventually(t, "the refresh", func() bool {
			got, err := c.GetAll(t.Context(), []string{"a", "large", "z"})
			require.NoError(t, err)
			return got["a"] == "1" && got["z"] == "1" && got["large"] == sized(most+1) && rawGet(t, rdb, c.EntryKey("large")) == ""
		})
	})
}

// This process keeps only values that are in Redis: none that is too large, and none that is older.
func TestNearKeepsNothingThatIsTooLarge(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, src := fleet(t, rdb, 2), newSizes(2)
		near := cacheable.Near(10, time.Hour)
		a, b := bounded(stores[0], src, near), bounded(stores[1], src, near)
		for name, change := range map[string]func() error{
			"refresh": func() error { _, err := a.Refresh(t.Context(), "k"); return err },
			"put":     func() error { return a.Put(t.Context(), "k", sized(most+1)) },
		} {
			src.size.Store(2)
			for _, c := range []*cacheable.Cacheable[string, string]{a, b} {
				eventually(t, "a value in the process", func() bool {
					_, info, err := c.GetInfo(t.Context(), "k")
					return err == nil && info.Source == cacheable.SourceNear
				})
			}
			src.size.Store(most + 1)
			require.NoError(t, change(), name)
			for range 3 {
				v, info, err := a.GetInfo(t.Context(), "k")
				require.NoError(t, err)
				require.Equal(t, sized(most+1), v)
				require.Equal(t, cacheable.SourceMiss, info.Source)
			}
			eventually(t, "the other process to notice", func() bool {
				v, info, err := b.GetInfo(t.Context(), "k")
				return err == nil && v == sized(most+1) && info.Source == cacheable.SourceMiss
			})
		}
		require.Zero(t, stores[0].Stats().Caches["c"].RedisErrors)
	})
}

// The bound does not apply to absences.
func TestAbsencesAreNotBounded(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, src := open(t, rdb), &lookup{}
		c := cacheable.New(st, "c", src.load, cacheable.MaxBytes(1), cacheable.NotFound(isNoRows, time.Minute))
		for range 2 {
			_, err := c.Get(t.Context(), "k")
			require.ErrorIs(t, err, errNoRows)
		}
		require.EqualValues(t, 1, src.loads.Load())
		require.Zero(t, tooLarge(st))
	})
}

// The tags of a value that is not stored have no effect.
func TestTagsOfAValueThatIsTooLarge(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, src := open(t, rdb), newSizes(2)
		c := bounded(st, src, cacheable.TagsOf(func(string, string) []string { return []string{"tag"} }))
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		src.size.Store(most + 1)
		require.NoError(t, st.Evict(t.Context(), st.Tag("tag")))
		for range 2 {
			v, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, sized(most+1), v)
		}
		require.EqualValues(t, 3, src.loads.Load())
	})
}

// A value that is not stored for another reason is not counted as too large.
func TestOnlyWhatWouldBeStoredIsCountedAsTooLarge(t *testing.T) {
	st, src := open(t, redistest.Start(t).Client(t)), newSizes(most+1)
	c := bounded(st, src, cacheable.StoreIf(func(key, _ string) bool { return key != "rejected" }))
	_, err := c.Get(t.Context(), "rejected")
	require.NoError(t, err)
	require.NoError(t, c.Put(t.Context(), "rejected", sized(most+1)))
	found := c.Source(t.Context(), "k")
	require.NoError(t, found.Err)
	require.Len(t, found.Payload, most+1, "what the source has can be compared")
	require.Zero(t, tooLarge(st))
}

// However many values are too large, a cache logs one line, which says what to do.
func TestTheFirstValueThatIsTooLargeIsLogged(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		log := &paper{}
		st := open(t, rdb, store.Logger(slog.New(slog.NewTextHandler(log, nil))))
		src := newSizes(most + 1)
		lines := func(cache string) (found []string) {
			for line := range strings.Lines(log.String()) {
				if strings.Contains(line, "MaxBytes") && strings.Contains(line, "cache="+cache+" ") {
					found = append(found, line)
				}
			}
			return found
		}
		for _, name := range []string{"one", "two"} {
			var wg sync.WaitGroup
			for i := range 10 { // one name is one cache, although there may be several of it
				c := cacheable.New(st, name, src.load, cacheable.MaxBytes(most), cacheable.Shared())
				wg.Go(func() {
					key := fmt.Sprint("k", i)
					_, err := c.Get(t.Context(), key)
					assert.NoError(t, err)
					_, err = c.Refresh(t.Context(), key)
					assert.NoError(t, err)
					assert.NoError(t, c.Put(t.Context(), key, sized(most+1)))
				})
			}
			wg.Wait()
			require.Len(t, lines(name), 1)
			require.EqualValues(t, 30, st.Stats().Caches[name].TooLarge)
		}
		line := lines("one")[0]
		for _, part := range []string{
			"level=WARN", `msg="aside: `, "{one:k", fmt.Sprint("bytes=", most+1), fmt.Sprint("max_bytes=", most),
			"raise MaxBytes", "codec/zstd", "parts",
		} {
			require.Contains(t, line, part)
		}
	})
}

// Nodes that know that a value is too large do not wait for one another: they can't use each other's loads.
func TestNodesDoNotWaitForWhatIsTooLarge(t *testing.T) {
	const nodes = 3
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		var meeting atomic.Bool
		var inside atomic.Int64
		met := make(chan struct{})
		load := func(_ context.Context, keys []string) (map[string]string, error) {
			if meeting.Load() {
				if inside.Add(1) == nodes {
					close(met)
				}
				<-met
			}
			return map[string]string{keys[0]: sized(most + 1)}, nil
		}
		get := func(c *cacheable.Many[string, string]) (string, error) { return c.Get(t.Context(), "k") }
		getAll := func(c *cacheable.Many[string, string]) (string, error) {
			values, err := c.GetAll(t.Context(), []string{"k"})
			return values["k"], err
		}
		var caches []*cacheable.Many[string, string]
		for _, st := range fleet(t, rdb, nodes, store.LeaseTime(time.Minute)) {
			c := cacheable.NewMany(st, "c", load, cacheable.MaxBytes(most))
			_, err := get(c)
			require.NoError(t, err)
			caches = append(caches, c)
		}
		meeting.Store(true)
		var calls []*pending[string]
		for i, read := range []func(*cacheable.Many[string, string]) (string, error){get, get, getAll} {
			calls = append(calls, async(func() (string, error) { return read(caches[i]) }))
		}
		within(t, "all of them load at the same time", met)
		for _, call := range calls {
			v, err := call.wait(t)
			require.NoError(t, err)
			require.Equal(t, sized(most+1), v)
		}
		require.Empty(t, rawGet(t, rdb, caches[0].EntryKey("k")))
	})
}

// When a value is small again, and every node has noticed it by a load or a hit, one load serves all nodes.
func TestNodesWaitForWhatIsSmallAgain(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, src, crowd := fleet(t, rdb, 2, store.LeaseTime(time.Minute)), newSizes(most+1), newCrowd()
		var busy atomic.Bool
		var caches []*cacheable.Cacheable[string, string]
		for _, st := range stores {
			caches = append(caches, cacheable.New(st, "c", func(ctx context.Context, key string) (string, error) {
				if busy.Load() {
					crowd.hold()
				}
				return src.load(ctx, key)
			}, cacheable.MaxBytes(most), cacheable.TTL(time.Hour)))
		}
		for _, n := range []int64{most + 1, most} { // then the second node has a hit
			src.size.Store(n)
			for _, c := range caches {
				_, err := c.Get(t.Context(), "k")
				require.NoError(t, err)
			}
		}
		require.NoError(t, caches[0].Evict(t.Context(), "k"))
		busy.Store(true)
		first := async(func() (string, error) { return caches[0].Get(t.Context(), "k") })
		within(t, "the load", crowd.loading)
		second := async(func() (string, error) { return caches[1].Get(t.Context(), "k") })
		eventually(t, "the wait", func() bool { return stores[1].Stats().Caches["c"].Waits == 1 })
		close(crowd.finish)
		for _, call := range []*pending[string]{first, second} {
			v, err := call.wait(t)
			require.NoError(t, err)
			require.Equal(t, sized(most), v)
		}
		require.EqualValues(t, 1, crowd.loads.Load())
		require.Zero(t, stores[0].Stats().Caches["c"].Refused)
	})
}
