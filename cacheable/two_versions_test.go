package cacheable_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
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

// numbered is the value of two versions of a program, which call a field by other names.
type (
	numberedV1 struct{ Old int64 }
	numberedV2 struct{ New int64 }
)

// program is a cache of either version. It reads the number at the source.
type program struct {
	get     func(ctx context.Context, key string) (int64, cacheable.Source, error)
	getAll  func(ctx context.Context, keys []string) (map[string]int64, error)
	peek    func(ctx context.Context, key string) bool
	refresh func(ctx context.Context, key string) error
	cache   interface {
		evict.Evictor[string]
		Evict(ctx context.Context, keys ...string) error
		Expire(ctx context.Context, keys ...string) error
	}
	put   func(ctx context.Context, key string, n int64) error
	loads *atomic.Int64
}

func inVersion[V any](st *store.Store, wrap func(int64) V, unwrap func(V) int64, read func(string) int64, options ...cacheable.Option) *program {
	loads := &atomic.Int64{}
	c := cacheable.NewMany(st, "numbers", func(_ context.Context, keys []string) (map[string]V, error) {
		values := make(map[string]V)
		for _, key := range keys {
			loads.Add(1)
			values[key] = wrap(read(key))
		}
		return values, nil
	}, append([]cacheable.Option{
		cacheable.Tags(func(string) []string { return []string{"all numbers"} }),
		cacheable.TagsOf(func(string, V) []string { return []string{"of values"} }),
	}, options...)...)
	return &program{
		cache: c, loads: loads,
		get: func(ctx context.Context, key string) (int64, cacheable.Source, error) {
			v, info, err := c.GetInfo(ctx, key)
			return unwrap(v), info.Source, err
		},
		getAll: func(ctx context.Context, keys []string) (map[string]int64, error) {
			all, err := c.GetAll(ctx, keys)
			numbers := make(map[string]int64)
			for key, v := range all {
				numbers[key] = unwrap(v)
			}
			return numbers, err
		},
		peek: func(ctx context.Context, key string) bool {
			_, ok, err := c.Peek(ctx, key)
			return ok && err == nil
		},
		refresh: func(ctx context.Context, key string) error { _, err := c.Refresh(ctx, key); return err },
		put:     func(ctx context.Context, key string, n int64) error { return c.Put(ctx, key, wrap(n)) },
	}
}

func inV1(st *store.Store, read func(string) int64, options ...cacheable.Option) *program {
	return inVersion(st, func(n int64) numberedV1 { return numberedV1{n} }, func(v numberedV1) int64 { return v.Old }, read, options...)
}

func inV2(st *store.Store, read func(string) int64, options ...cacheable.Option) *program {
	return inVersion(st, func(n int64) numberedV2 { return numberedV2{n} }, func(v numberedV2) int64 { return v.New }, read, options...)
}

// While two versions of a program run, each has its own entries, and one eviction ends those of both.
func TestEntriesOfTwoVersionsLiveBesideEachOther(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores := fleet(t, rdb, 2)
		source := &atomic.Int64{}
		read := func(string) int64 { return source.Load() }
		v1, v2 := inV1(stores[0], read, cacheable.FailSafe(time.Minute)), inV2(stores[1], read, cacheable.FailSafe(time.Minute))
		both := []*program{v1, v2}
		held := evict.AroundErr(func(context.Context, string) error { source.Add(1); return nil },
			evict.Key(v1.cache, func(key string) string { return key }))
		for name, change := range map[string]func(ctx context.Context) error{
			"the old evicts": func(ctx context.Context) error { return v1.cache.Evict(ctx, "k") },
			"the new evicts": func(ctx context.Context) error { return v2.cache.Evict(ctx, "k") },
			"a tag":          func(ctx context.Context) error { return evict.ByTag(ctx, stores[0], "all numbers") },
			"a tag of values": func(ctx context.Context) error {
				return evict.ByTag(ctx, stores[1], "of values")
			},
			"the cache":  func(ctx context.Context) error { return stores[0].Evict(ctx, v1.cache.WholeKey()) },
			"everything": func(ctx context.Context) error { return evict.Everything(ctx, stores[1]) },
			"a pattern": func(ctx context.Context) error {
				_, err := evict.ByPattern(ctx, stores[0], "numbers:*")
				return err
			},
			"a hold":  func(ctx context.Context) error { return held(ctx, "k") },
			"expired": func(ctx context.Context) error { return v2.cache.Expire(ctx, "k") },
			"put":     func(ctx context.Context) error { return v2.put(ctx, "k", source.Load()) },
		} {
			t.Run(name, func(t *testing.T) {
				source.Add(1)
				require.NoError(t, change(t.Context()))
				for _, v := range both {
					require.Eventually(t, func() bool { // All, Everything and tags of values are seen a moment later
						n, _, err := v.get(t.Context(), "k")
						return err == nil && n == source.Load()
					}, time.Second, time.Millisecond)
				}
				hits := func() bool { // what one stores under the key ends what the other had beside it
					n := 0
					for _, v := range both {
						if _, from, _ := v.get(t.Context(), "k"); from == cacheable.SourceHit {
							n++
						}
					}
					return n == len(both)
				}
				require.Eventually(t, hits, time.Second, time.Millisecond)
				for range 10 {
					require.True(t, hits())
					for _, v := range both {
						require.True(t, v.peek(t.Context(), "k"))
					}
				}
			})
		}
	})
}

// Neither version loads more than once what the other has in the cache too.
func TestTwoVersionsLoadEachKeyOnceEach(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores := fleet(t, rdb, 4)
		read := func(string) int64 { return 1 }
		nodes := []*program{inV1(stores[0], read), inV2(stores[1], read), inV1(stores[2], read), inV2(stores[3], read)}
		keys := make([]string, 100)
		for i := range keys {
			keys[i] = fmt.Sprint("k", i)
		}
		var wg sync.WaitGroup
		for _, node := range nodes {
			wg.Go(func() {
				for range 20 {
					for _, i := range rand.Perm(len(keys)) {
						if _, _, err := node.get(t.Context(), keys[i]); err != nil {
							t.Error(err)
						}
					}
					all, err := node.getAll(t.Context(), keys)
					if err != nil || len(all) != len(keys) {
						t.Error(len(all), err)
					}
				}
			})
		}
		wg.Wait()
		v1, v2 := nodes[0].loads.Load()+nodes[2].loads.Load(), nodes[1].loads.Load()+nodes[3].loads.Load()
		t.Logf("16,000 reads: %d loads by the old version, %d by the new", v1, v2)
		require.LessOrEqual(t, v1+v2, int64(2*len(keys)))
	})
}

// A hit costs one command as before: MGET of the entry and its variant while another version is about.
func TestAHitBesideAnotherVersionIsOneCommand(t *testing.T) {
	sent := &redistest.Commands{}
	single := redistest.Start(t).Client(t)
	namespace := redistest.Unique(t)
	v1 := cacheable.New(join(t, single, namespace), "c", constant(numberedV1{1}))
	v2 := cacheable.New(join(t, single, namespace, store.Hooks(sent.Hook())), "c", constant(numberedV2{1}))
	hit := func() []string {
		sent.TakeNames()
		_, info, err := v2.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, cacheable.SourceHit, info.Source)
		return sent.TakeNames("ping", "hello", "client", "info")
	}
	_, err := v2.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return slices.Equal(hit(), []string{"get"}) }, 5*time.Second, time.Millisecond,
		"once the versions are known")

	require.NoError(t, v1.Evict(t.Context(), "k"))
	_, err = v1.Get(t.Context(), "k")
	require.NoError(t, err)
	_, err = v2.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, []string{"mget"}, hit())
	sent.TakeNames()
	require.NoError(t, v2.Evict(t.Context(), "k"))
	require.Equal(t, []string{"evalsha"}, sent.TakeNames("ping", "hello", "client", "info"))
}

// No read of either version sees what was replaced before it began, whatever the other does meanwhile.
func TestNoReadIsStaleWhileTwoVersionsRun(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores := fleet(t, rdb, 4)
		const keys = 3
		var source, confirmed [keys]atomic.Int64
		index := func(key string) int { return int(key[1] - '0') }
		read := func(key string) int64 {
			n := source[index(key)].Load()
			time.Sleep(time.Duration(rand.N(300)) * time.Microsecond)
			return n
		}
		options := []cacheable.Option{cacheable.TTL(20 * time.Millisecond), cacheable.RefreshAhead(0.5)}
		nodes := []*program{
			inV1(stores[0], read, options...), inV2(stores[1], read, options...),
			inV1(stores[2], read, options...), inV2(stores[3], read, options...),
		}
		ctx, stop := context.WithCancel(t.Context())
		var readers, writers sync.WaitGroup
		var reads, stale atomic.Int64
		check := func(key string, least, got int64) {
			reads.Add(1)
			if got < least {
				stale.Add(1)
			}
		}
		for _, node := range nodes {
			readers.Go(func() {
				for ctx.Err() == nil {
					i := rand.IntN(keys)
					key := fmt.Sprint("k", i)
					least := confirmed[i].Load()
					switch rand.N(20) {
					case 0:
						if err := node.refresh(t.Context(), key); err != nil {
							t.Error(err)
						}
					case 1:
						all, err := node.getAll(t.Context(), []string{key})
						if err != nil {
							t.Error(err)
						}
						check(key, least, all[key])
					default:
						n, _, err := node.get(t.Context(), key)
						if err != nil {
							t.Error(err)
						}
						check(key, least, n)
					}
				}
			})
		}
		write := func(_ context.Context, i int) (int64, error) { return source[i].Add(1), nil }
		keyOf := func(i int) string { return fmt.Sprint("k", i) }
		for i := range keys {
			writers.Go(func() {
				for round := range 200 {
					node := nodes[rand.N(len(nodes))]
					decorated := evict.After(write, evict.Key(node.cache, keyOf))
					switch round % 3 {
					case 1:
						decorated = evict.Around(write, evict.Key(node.cache, keyOf))
					case 2:
						decorated = evict.After(write, evict.Tags(node.cache.Store(), func(int) []string { return []string{"all numbers"} }))
					}
					n, err := decorated(t.Context(), i)
					if err != nil {
						t.Error(err)
					}
					confirmed[i].Store(n)
					time.Sleep(time.Duration(rand.N(8000)) * time.Microsecond)
				}
			})
		}
		writers.Wait()
		stop()
		readers.Wait()
		t.Logf("%d reads", reads.Load())
		require.Zero(t, stale.Load())
		for i := range keys {
			for _, node := range nodes {
				n, _, err := node.get(t.Context(), keyOf(i))
				require.NoError(t, err)
				require.Equal(t, source[i].Load(), n)
			}
		}
	})
}
