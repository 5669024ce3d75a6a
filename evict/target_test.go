package evict_test

import (
	"context"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// Each target evicts its entries, and nothing else.
func TestWhatTheTargetsEvict(t *testing.T) {
	for name, tt := range map[string]struct {
		target func(c, d *cache) evict.Target[change]
		want   []string // of the entries c/k, c/kk, c/kkk and d/k
	}{
		"Key":  {func(c, _ *cache) evict.Target[change] { return evict.Key(c, keyOf) }, []string{"c/k"}},
		"Keys": {func(c, _ *cache) evict.Target[change] { return evict.Keys(c, twice) }, []string{"c/k", "c/kk"}},
		"no keys": {func(c, _ *cache) evict.Target[change] {
			return evict.Keys(c, func(change) []string { return nil })
		}, nil},
		"Tags": {func(c, _ *cache) evict.Target[change] {
			return evict.Tags(c.Store(), func(in change) []string { return []string{"of " + in.Key, "of nothing"} })
		}, []string{"c/k", "d/k"}},
		"no tags": {func(c, _ *cache) evict.Target[change] {
			return evict.Tags(c.Store(), func(change) []string { return nil })
		}, nil},
		"All": {func(c, _ *cache) evict.Target[change] { return evict.All[change](c) }, []string{"c/k", "c/kk", "c/kkk"}},
		"panicking key": {func(c, _ *cache) evict.Target[change] {
			return evict.Key(c, func(change) string { panic("no key") })
		}, []string{"c/k", "c/kk", "c/kkk"}},
		"panicking keys": {func(_, d *cache) evict.Target[change] {
			return evict.Keys(d, func(change) []string { panic("no keys") })
		}, []string{"d/k"}},
		"panicking tags": {func(c, _ *cache) evict.Target[change] {
			return evict.Tags(c.Store(), func(change) []string { panic("no tags") })
		}, []string{"c/k", "c/kk", "c/kkk", "d/k"}},
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				for decorator, decorate := range decorators {
					t.Run(decorator, func(t *testing.T) {
						stores, src := fleet(t, rdb, 2, store.Strict()), &table{}
						var c, d [2]*cache
						tags := cacheable.Tags(func(k string) []string { return []string{"of " + k} })
						for i, st := range stores {
							c[i], d[i] = cacheable.New(st, "c", src.load, tags), cacheable.New(st, "d", src.load, tags)
						}
						for _, key := range []string{"k", "kk", "kkk"} {
							reads(t, 0, key, c[1], d[1])
						}
						write := decorate(src.write, tt.target(c[0], d[0]))
						_, err := write(t.Context(), change{"k", 1})
						require.NoError(t, err)
						var evicted []string
						for _, key := range []string{"k", "kk", "kkk"} {
							if gone(t, c[1], key) {
								evicted = append(evicted, "c/"+key)
							}
						}
						if gone(t, d[1], "k") {
							evicted = append(evicted, "d/k")
						}
						require.Equal(t, tt.want, evicted)
					})
				}
			})
		})
	}
}

func gone(t *testing.T, c *cache, key string) bool {
	t.Helper()
	_, ok, err := c.Peek(t.Context(), key)
	require.NoError(t, err)
	return !ok
}

func twice(in change) []string { return []string{in.Key, in.Key, in.Key + in.Key} }

// The source assigns the id of a new entity, so its key is known only after the write.
func TestAKeyThatTheWriteMakesIsEvicted(t *testing.T) {
	type entity struct{ ID, Name string }
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, decorate := range map[string]func(func(context.Context, *entity) error, ...evict.Target[*entity]) func(context.Context, *entity) error{
			"AfterErr": evict.AfterErr[*entity], "AroundErr": evict.AroundErr[*entity],
		} {
			t.Run(name, func(t *testing.T) {
				stores := fleet(t, rdb, 2)
				rows := map[string]string{}
				load := func(_ context.Context, id string) (string, error) { return rows[id], nil }
				a, b := cacheable.New(stores[0], "entity", load), cacheable.New(stores[1], "entity", load)
				v, err := b.Get(t.Context(), "17") // somebody has asked for it before it was there
				require.NoError(t, err)
				require.Empty(t, v)
				insert := decorate(func(_ context.Context, e *entity) error {
					e.ID = "17"
					rows[e.ID] = e.Name
					return nil
				}, evict.Key(a, func(e *entity) string { return e.ID }))
				e := &entity{Name: "seventeen"}
				require.NoError(t, insert(t.Context(), e))
				for _, c := range []*cacheable.Cacheable[string, string]{b, a} {
					v, err = c.Get(t.Context(), e.ID)
					require.NoError(t, err)
					require.Equal(t, "seventeen", v)
				}
			})
		}
	})
}

// If the write changes what a key is computed from, the entries of the old and the new key are evicted.
func TestAroundEvictsTheKeyBeforeAndAfter(t *testing.T) {
	st, src := open(t, redistest.Start(t).Client(t)), &table{}
	c := cacheable.New(st, "c", src.load)
	type rename struct{ name string }
	reads(t, 0, "old", c)
	reads(t, 0, "newer", c)
	move := evict.AroundErr(func(_ context.Context, r *rename) error {
		r.name = "newer"
		return nil
	}, evict.Key(c, func(r *rename) string { return r.name }))
	require.NoError(t, move(t.Context(), &rename{"old"}))
	absent(t, "old", c)
	absent(t, "newer", c)
}

func TestManyTargetsAndManyKeys(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, src := open(t, rdb), &table{}
		c := cacheable.New(st, "c", src.load)
		all := func(change) (keys []string) {
			for i := range 600 { // more than fit in one round trip
				keys = append(keys, string(rune('a'+i%26))+string(rune('A'+i/26)))
			}
			return keys
		}
		for _, key := range all(change{}) {
			require.NoError(t, c.Put(t.Context(), key, 1))
		}
		for _, name := range []string{"After", "Around"} {
			write := decorators[name](src.write, evict.Keys(c, all), evict.Keys(c, all), evict.Key(c, keyOf))
			_, err := write(t.Context(), change{"k", 1})
			require.NoError(t, err, name)
			for _, key := range slices.Compact(all(change{})) {
				if !gone(t, c, key) {
					t.Fatalf("%s: %s is still there", name, key)
				}
			}
			require.NoError(t, c.Put(t.Context(), "aA", 1))
		}
	})
}
