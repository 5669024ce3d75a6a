package evict_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// pair returns key and value of what was written.
func pair(in change, v int64) (string, int64) { return in.Key, v }

func TestReplaceStoresWhatWasWritten(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, src := fleet(t, rdb, 2), &table{}
		a, b := cacheable.New(stores[0], "c", src.load, tagged), cacheable.New(stores[1], "c", src.load, tagged)
		write := evict.Around(func(ctx context.Context, in change) (int64, error) {
			v, info, err := b.GetInfo(ctx, in.Key)
			require.NoError(t, err)
			require.Equal(t, in.Value-1, v)
			require.Equal(t, cacheable.SourceBypass, info.Source, "it is held meanwhile")
			return src.write(ctx, in)
		}, evict.Replace(a, pair))
		for i := range int64(5) {
			v, err := write(t.Context(), change{"k", i + 1})
			require.NoError(t, err)
			require.Equal(t, i+1, v)
			cached(t, i+1, "k", a, b)
		}
	})
}

// If anything else happens to the entry during the write, the written value is not stored over it.
func TestReplaceStoresNothingIfAnybodyElseCameInBetween(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, other := range map[string]func(ctx context.Context, c *cache, src *table) error{
			"eviction": func(ctx context.Context, c *cache, _ *table) error { return c.Evict(ctx, "k") },
			"eviction by tag": func(ctx context.Context, c *cache, _ *table) error {
				return evict.ByTag(ctx, c.Store(), "of k")
			},
			"eviction of all": func(ctx context.Context, c *cache, _ *table) error {
				return c.Store().Evict(ctx, c.WholeKey())
			},
			"eviction of everything": func(ctx context.Context, c *cache, _ *table) error { return evict.Everything(ctx, c.Store()) },
			"eviction by pattern": func(ctx context.Context, c *cache, _ *table) error {
				_, err := evict.ByPattern(ctx, c.Store(), "c:*")
				return err
			},
			"put": func(ctx context.Context, c *cache, _ *table) error { return c.Put(ctx, "k", 2) },
			"another writer": func(ctx context.Context, c *cache, src *table) error {
				_, err := evict.Around(src.write, evict.Replace(c, pair))(ctx, change{"k", 2})
				return err
			},
			"a writer who only evicts": func(ctx context.Context, c *cache, src *table) error {
				_, err := evict.After(src.write, evict.Key(c, keyOf))(ctx, change{"k", 2})
				return err
			},
		} {
			t.Run(name, func(t *testing.T) {
				stores, src := fleet(t, rdb, 2, store.Strict()), &table{}
				a, b := cacheable.New(stores[0], "c", src.load, tagged), cacheable.New(stores[1], "c", src.load, tagged)
				reads(t, 0, "k", b)
				write := evict.Around(func(ctx context.Context, in change) (int64, error) {
					_, _ = src.write(ctx, in)
					_, _ = src.write(ctx, change{in.Key, 2}) // the other one is later, at the source
					require.NoError(t, other(ctx, b, src))
					return in.Value, nil
				}, evict.Replace(a, pair))
				_, err := write(t.Context(), change{"k", 1})
				require.NoError(t, err)
				reads(t, 2, "k", b, a)
			})
		}
	})
}

// A write that fails may have taken effect: the entry is evicted, whatever the function of Replace does.
func TestAfterAWriteThatFailedReplaceOnlyEvicts(t *testing.T) {
	type input struct {
		ID    string
		Value int64
	}
	type row struct {
		ID    string
		Value int64
	}
	failure := errors.New("timeout after commit")
	boom := errors.New("boom")
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for how, end := range map[string]func() error{"error": func() error { return failure }, "panic": func() error { panic(boom) }} {
			for name, value := range map[string]func(in input, r *row) (string, int64){
				"key of the argument":            func(in input, _ *row) (string, int64) { return in.ID, 9 },
				"key of the result":              func(_ input, r *row) (string, int64) { return r.ID, r.Value },
				"key of the argument, with care": func(in input, r *row) (string, int64) { return in.ID, r.Value },
			} {
				t.Run(how+"/"+name, func(t *testing.T) {
					stores, src := fleet(t, rdb, 2, store.Strict()), &table{}
					a, b := cacheable.New(stores[0], "c", src.load), cacheable.New(stores[1], "c", src.load)
					reads(t, 0, "k", b)
					write := evict.Around(func(ctx context.Context, in input) (*row, error) {
						_, _ = src.write(ctx, change{in.ID, in.Value})
						return nil, end()
					}, evict.Replace(a, value))
					func() {
						defer func() { _ = recover() }()
						_, err := write(t.Context(), input{"k", 1})
						require.Equal(t, failure, err)
					}()
					reads(t, 1, "k", b, a)
				})
			}
		}
	})
}

// A key that only the result contains can't be held before the write, and is evicted after it.
func TestReplaceWithAKeyThatTheResultTellsOnlyEvicts(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, src := fleet(t, rdb, 2), &table{}
		a, b := cacheable.New(stores[0], "c", src.load), cacheable.New(stores[1], "c", src.load)
		for name, value := range map[string]func(change, *change) (string, int64){
			"panics before":            func(_ change, r *change) (string, int64) { return r.Key, r.Value },
			"says another key before":  func(_ change, r *change) (string, int64) { return orZero(r).Key, orZero(r).Value },
			"says nothing, ever":       func(change, *change) (string, int64) { panic("never") },
			"panics after, not before": func(in change, r *change) (string, int64) { return in.Key, map[bool]int64{true: 0}[mustBeNil(r)] },
		} {
			t.Run(name, func(t *testing.T) {
				now, err := b.Get(t.Context(), "k")
				require.NoError(t, err)
				write := evict.Around(func(ctx context.Context, in change) (*change, error) {
					_, err := src.write(ctx, in)
					return &in, err
				}, evict.Replace(a, value))
				_, err = write(t.Context(), change{"k", now + 1})
				require.NoError(t, err)
				eventually(t, "the new value", func() bool { // all of a cache may have been evicted
					v, err := b.Get(t.Context(), "k")
					return err == nil && v == now+1
				})
			})
		}
	})
}

func orZero(c *change) change {
	if c == nil {
		return change{}
	}
	return *c
}

func mustBeNil(c *change) bool {
	if c != nil {
		panic("not nil")
	}
	return true
}

// Functions of the cache's options are called before the write; if they panic, the write is called anyway.
func TestAPanicInAnOptionOfTheCacheDoesNotStopTheWrite(t *testing.T) {
	st, src := open(t, redistest.Start(t).Client(t)), &table{}
	broken := false
	c := cacheable.New(st, "c", src.load, cacheable.Tags(func(string) []string {
		if broken {
			panic("no tags")
		}
		return []string{"tag"}
	}))
	reads(t, 0, "k", c)
	write := evict.Around(src.write, evict.Replace(c, pair))
	broken = true
	_, err := write(t.Context(), change{"k", 1})
	require.NoError(t, err)
	broken = false
	reads(t, 1, "k", c)
}

func TestReplaceObeysTheOptionsOfTheCache(t *testing.T) {
	rdb := redistest.Start(t).Client(t)
	st, src := open(t, rdb), &table{}
	c := cacheable.New(st, "c", src.load, cacheable.TTL(time.Hour), cacheable.Jitter(0),
		cacheable.StoreIf(func(_ string, v int64) bool { return v >= 0 }))
	write := evict.Around(src.write, evict.Replace(c, pair))
	_, err := write(t.Context(), change{"k", 5})
	require.NoError(t, err)
	cached(t, 5, "k", c)
	left, err := rdb.PTTL(t.Context(), c.EntryKey("k").String()).Result()
	require.NoError(t, err)
	require.Greater(t, left, 59*time.Minute)

	_, err = write(t.Context(), change{"k", -5})
	require.NoError(t, err)
	absent(t, "k", c)
}

// A value that is too large to be stored leaves the entry evicted.
func TestReplaceByAValueThatIsTooLargeOnlyEvicts(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, src := fleet(t, rdb, 2), &table{}
		one := cacheable.MaxBytes(1)
		a, b := cacheable.New(stores[0], "c", src.load, one), cacheable.New(stores[1], "c", src.load, one)
		write := evict.Around(src.write, evict.Replace(a, pair))
		reads(t, 0, "k", b)
		for _, v := range []int64{10, 1, 100} {
			_, err := write(t.Context(), change{"k", v})
			require.NoError(t, err)
			if v == 1 {
				cached(t, v, "k", a, b)
				continue
			}
			absent(t, "k", a, b)
			reads(t, v, "k", b, a)
		}
		require.EqualValues(t, 4, stores[0].Stats().Caches["c"].TooLarge, "two writes and two reads")
	})
}

// Tags that the same write evicts also evict the replaced entry.
func TestReplaceTogetherWithTheTagOfTheEntryLeavesNothingOlder(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, src := fleet(t, rdb, 2), &table{}
		a, b := cacheable.New(stores[0], "c", src.load, tagged), cacheable.New(stores[1], "c", src.load, tagged)
		write := evict.Around(src.write, evict.Replace(a, pair),
			evict.Tags(stores[0], func(in change) []string { return []string{"of " + in.Key} }))
		for i := range int64(5) {
			_, err := write(t.Context(), change{"k", i + 1})
			require.NoError(t, err)
			reads(t, i+1, "k", b, a)
		}
	})
}
