package cacheable_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

func TestWhileAValueIsRefreshedOthersReadTheOldOne(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, src := fleet(t, rdb, 2), source{}
		loading, finish := make(chan struct{}), make(chan struct{})
		a := cacheable.New(stores[0], "c", src.load)
		refreshing := cacheable.New(stores[1], "c", func(ctx context.Context, k string) (int64, error) {
			v, err := src.load(ctx, k)
			close(loading)
			<-finish
			return v, err
		})
		_, err := a.Get(t.Context(), "k")
		require.NoError(t, err)
		src.value.Store(1)
		refresh := async(func() (int64, error) { return refreshing.Refresh(t.Context(), "k") })
		within(t, "the load", loading)
		for _, c := range []*cacheable.Cacheable[string, int64]{a, refreshing} {
			v, info, err := c.GetInfo(t.Context(), "k")
			require.NoError(t, err)
			require.Zero(t, v)
			require.Equal(t, cacheable.SourceHit, info.Source)
		}
		close(finish)
		v, err := refresh.wait(t)
		require.NoError(t, err)
		require.EqualValues(t, 1, v)
		for _, c := range []*cacheable.Cacheable[string, int64]{a, refreshing} {
			v, info, err := c.GetInfo(t.Context(), "k")
			require.NoError(t, err)
			require.EqualValues(t, 1, v)
			require.Equal(t, cacheable.SourceHit, info.Source)
		}
		require.EqualValues(t, 2, src.loads.Load())
	})
}

func TestRefreshLoadsAndStoresWhatIsNotThere(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, src := open(t, rdb), source{}
		c := cacheable.New(st, "c", src.load)
		_, err := c.Refresh(t.Context(), "k")
		require.NoError(t, err)
		_, info, err := c.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, cacheable.SourceHit, info.Source)
		require.EqualValues(t, 1, src.loads.Load())
		requireReads(t, st, "c", 1)
	})
}

func TestARefreshThatFailsKeepsTheOldValue(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		failure := errors.New("down")
		var fail error
		boom, stuck, finish := false, false, make(chan struct{})
		c := cacheable.New(open(t, rdb), "c", func(context.Context, string) (int, error) {
			if stuck {
				<-finish
			}
			if boom {
				panic(failure)
			}
			return 1, fail
		}, cacheable.NotFound(isNoRows, time.Minute))
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		kept := func() {
			t.Helper()
			v, info, err := c.GetInfo(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, 1, v)
			require.Equal(t, cacheable.SourceHit, info.Source)
		}
		fail = failure
		_, err = c.Refresh(t.Context(), "k")
		require.Equal(t, failure, err)
		kept()
		boom = true
		call := async(func() (int, error) { return c.Refresh(t.Context(), "k") })
		within(t, "the panic", call.done)
		require.IsType(t, &cacheable.PanicError{}, call.panicked)
		kept()
		stuck = true // else it might be over before its caller looks at the context
		_, err = c.Refresh(canceled(t), "k")
		require.ErrorIs(t, err, context.Canceled)
		kept()
		close(finish)
		kept()
	})
}

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// A change of the entry during a refresh wins: the refreshed value is not stored.
func TestAChangeDuringARefreshWins(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, change := range map[string]func(ctx context.Context, c *cacheable.Cacheable[string, int64]) error{
			"evict": func(ctx context.Context, c *cacheable.Cacheable[string, int64]) error { return c.Evict(ctx, "k") },
			"put":   func(ctx context.Context, c *cacheable.Cacheable[string, int64]) error { return c.Put(ctx, "k", 9) },
			"tag": func(ctx context.Context, c *cacheable.Cacheable[string, int64]) error {
				return evict.ByTag(ctx, c.Store(), "tag")
			},
			"cache": func(ctx context.Context, c *cacheable.Cacheable[string, int64]) error {
				return c.Store().Evict(ctx, c.WholeKey())
			},
			"everything": func(ctx context.Context, c *cacheable.Cacheable[string, int64]) error {
				return evict.Everything(ctx, c.Store())
			},
		} {
			for _, cached := range []bool{true, false} {
				t.Run(name, func(t *testing.T) {
					stores, src := fleet(t, rdb, 2, store.Strict()), source{}
					tags := cacheable.Tags(func(string) []string { return []string{"tag"} })
					loading, finish := make(chan struct{}), make(chan struct{})
					a := cacheable.New(stores[0], "c", src.load, tags)
					refreshing := cacheable.New(stores[1], "c", func(context.Context, string) (int64, error) {
						close(loading)
						<-finish
						return 1, nil
					}, tags)
					if cached {
						_, err := a.Get(t.Context(), "k")
						require.NoError(t, err)
					}
					refresh := async(func() (int64, error) { return refreshing.Refresh(t.Context(), "k") })
					within(t, "the load", loading)
					src.value.Store(9)
					require.NoError(t, change(t.Context(), a))
					close(finish)
					v, err := refresh.wait(t)
					require.NoError(t, err)
					require.EqualValues(t, 1, v, "it was loaded before")
					for _, c := range []*cacheable.Cacheable[string, int64]{a, cacheable.New(stores[1], "c", src.load, tags)} {
						v, err := c.Get(t.Context(), "k")
						require.NoError(t, err)
						require.EqualValues(t, 9, v)
					}
				})
			}
		}
	})
}

// Refreshes, evictions and reads run at random on two nodes: no read returns a value older than an earlier eviction or
// refresh, and no older value stays in the cache.
func TestRefreshAndEvictNeverLeaveAnOlderValue(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		var caches []*cacheable.Cacheable[int, int64]
		var rows [4]row
		for _, st := range fleet(t, rdb, 2) {
			caches = append(caches, cacheable.New(st, "c", func(_ context.Context, key int) (int64, error) {
				v := rows[key].version.Load()
				time.Sleep(rand.N(time.Millisecond))
				return v, nil
			}))
		}
		var wg sync.WaitGroup
		for i := range 16 {
			c := caches[i%2]
			wg.Go(func() {
				for range 60 {
					key := rand.N(len(rows))
					least := rows[key].evicted.Load()
					var v int64
					var err error
					switch rand.N(4) {
					case 0:
						v, err = c.Refresh(t.Context(), key)
					case 1:
						now := rows[key].version.Add(1)
						err = c.Evict(t.Context(), key)
						for old := rows[key].evicted.Load(); old < now && !rows[key].evicted.CompareAndSwap(old, now); old = rows[key].evicted.Load() {
						}
						v = now
					default:
						v, err = c.Get(t.Context(), key)
					}
					assert.NoError(t, err)
					assert.GreaterOrEqual(t, v, least)
				}
			})
		}
		wg.Wait()
		for key := range rows {
			for _, c := range caches {
				v, err := c.Get(t.Context(), key)
				require.NoError(t, err)
				require.Equal(t, rows[key].version.Load(), v)
			}
		}
	})
}

func TestRefreshUnderAHoldStoresNothing(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, src := open(t, rdb), source{}
		c := cacheable.New(st, "c", src.load)
		hold, err := st.Engine().Evictor.Hold(t.Context(), c.EntryKey("k"))
		require.NoError(t, err)
		_, err = c.Refresh(t.Context(), "k")
		require.NoError(t, err)
		src.value.Store(1)
		require.NoError(t, hold.End(t.Context(), 0))
		v, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.EqualValues(t, 1, v)
	})
}
