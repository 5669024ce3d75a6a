package cacheable_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// Two nodes read a value all the time: one of them loads it again before its time to live ends, and no read waits. The
// time to live is long, so that it does not end on a busy machine; see TestRefreshAheadForAnHour for the times.
func TestRefreshAhead(t *testing.T) {
	const ttl, cost = 4 * time.Minute, 40 * time.Millisecond
	for name, option := range map[string]cacheable.Option{
		"RefreshAhead": cacheable.RefreshAhead(0.001), "EarlyRefresh": cacheable.EarlyRefresh(1000),
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				m, running, namespace := &moody{}, meter{}, redistest.Unique(t)
				m.delay.Store(int64(cost))
				load := func(ctx context.Context, key string) (int64, error) {
					running.enter()
					defer running.leave()
					return m.load(ctx, key)
				}
				var nodes []*cacheable.Cacheable[string, int64]
				for range 2 {
					nodes = append(nodes, cacheable.New(openIn(t, rdb, namespace), "ahead", load, cacheable.TTL(ttl), cacheable.Jitter(0), option))
				}
				_, err := nodes[0].Get(t.Context(), "k")
				require.NoError(t, err)
				var wg sync.WaitGroup
				until := time.Now().Add(15 * time.Second)
				var waited atomic.Int64
				for i := range 8 {
					wg.Go(func() {
						for m.loads.Load() < 4 && time.Now().Before(until) {
							_, info, err := nodes[i%2].GetInfo(t.Context(), "k")
							assert.NoError(t, err)
							if info.Source != cacheable.SourceHit {
								waited.Add(1)
							}
						}
					})
				}
				wg.Wait()
				require.Zero(t, waited.Load(), "reads that waited for a load")
				require.GreaterOrEqual(t, m.loads.Load(), int64(4))
				require.EqualValues(t, 1, running.most.Load(), "loads at the same time, in the whole fleet")
			})
		})
	}
}

// A refresh that fails leaves the value, and is not repeated at once.
func TestRefreshAheadBacksOff(t *testing.T) {
	m, st := &moody{}, openStore(t, miniClient(t))
	c := cacheable.New(st, "ahead", m.load, cacheable.TTL(time.Hour), cacheable.RefreshAhead(0.0000001))
	_, err := c.Get(t.Context(), "k")
	require.NoError(t, err)
	m.down.Store(true)
	require.Eventually(t, func() bool {
		v, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.EqualValues(t, 1, v)
		return st.Stats().Caches["ahead"].Unrefreshed == 1
	}, 10*time.Second, time.Millisecond)
	for range 200 {
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
	}
	require.EqualValues(t, 2, m.loads.Load())
}

// Three nodes read a value for an hour; each load takes a fifth of a second. After the first read none takes any time,
// and there is one load in each period.
func TestRefreshAheadForAnHour(t *testing.T) {
	const ttl = time.Minute
	for name, tt := range map[string]struct {
		option   cacheable.Option
		earliest time.Duration // of a load after the one before it
	}{
		"RefreshAhead": {cacheable.RefreshAhead(0.8), ttl * 8 / 10},
		"EarlyRefresh": {cacheable.EarlyRefresh(10), 0}, // at random
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				h, namespace := &hour{takes: 200 * time.Millisecond}, redistest.Unique(t)
				var nodes []*cacheable.Cacheable[string, int]
				for range 3 {
					nodes = append(nodes, cacheable.New(openIn(t, rdb, namespace), "ahead", h.load,
						cacheable.TTL(ttl), cacheable.Jitter(0), tt.option))
				}
				_, err := nodes[0].Get(t.Context(), "k")
				require.NoError(t, err)
				for began := time.Now(); time.Since(began) < time.Hour; time.Sleep(420 * time.Millisecond) {
					for _, c := range nodes {
						_, info, err := c.GetInfo(t.Context(), "k")
						require.NoError(t, err)
						require.Equal(t, cacheable.SourceHit, info.Source, "nobody waits for a load")
						require.Zero(t, info.Took)
						require.LessOrEqual(t, info.Age, ttl)
					}
				}
				require.GreaterOrEqual(t, len(h.loads), int(time.Hour/ttl))
				for i, at := range h.loads[1:] {
					require.GreaterOrEqual(t, at.Sub(h.loads[i]), tt.earliest, "load %d", i+1)
				}
				if tt.earliest == 0 {
					require.LessOrEqual(t, len(h.loads), 2*int(time.Hour/ttl))
				}
			})
		})
	}
}

// A refresh ahead that has used a stale answer of another cache is tried again at growing intervals by the fleet, not by each
// node: that holds for single loads as for batches.
func TestARefreshFromAStaleAnswerPausesTheFleet(t *testing.T) {
	for _, kind := range []string{"single", "batch"} {
		t.Run(kind, func(t *testing.T) {
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				var down atomic.Bool
				var loads atomic.Int64
				var nodes []func() (int64, error)
				for range 6 {
					st, err := store.Open(t.Context(), rdb, store.Logger(slog.New(slog.DiscardHandler)))
					require.NoError(t, err)
					defer func() { require.NoError(t, st.Close()) }()
					inner := cacheable.New(st, "inner", func(context.Context, string) (int64, error) {
						if down.Load() {
							return 0, errors.New("the source is down")
						}
						return 1, nil
					}, cacheable.TTL(10*time.Second), cacheable.Jitter(0), cacheable.FailSafe(time.Hour))
					load := func(ctx context.Context, key string) (int64, error) {
						loads.Add(1)
						return inner.Get(ctx, key)
					}
					options := []cacheable.Option{cacheable.TTL(10 * time.Minute), cacheable.Jitter(0), cacheable.RefreshAhead(0.1)}
					if kind == "single" {
						outer := cacheable.New(st, "outer", load, options...)
						nodes = append(nodes, func() (int64, error) { return outer.Get(t.Context(), "k") })
						continue
					}
					outer := cacheable.NewMany(st, "outer", func(ctx context.Context, keys []string) (map[string]int64, error) {
						v, err := load(ctx, keys[0])
						return map[string]int64{keys[0]: v}, err
					}, options...)
					nodes = append(nodes, func() (int64, error) {
						all, err := outer.GetAll(t.Context(), []string{"k"})
						return all["k"], err
					})
				}
				read := func() {
					for _, node := range nodes {
						v, err := node()
						require.NoError(t, err)
						require.EqualValues(t, 1, v)
						synctest.Wait()
					}
				}
				read()
				down.Store(true)
				time.Sleep(2 * time.Minute)
				for range 240 {
					read()
					time.Sleep(250 * time.Millisecond)
				}
				t.Logf("%d loads in a minute", loads.Load()-1)
				require.Greater(t, loads.Load(), int64(4), "it is tried again")
				require.Less(t, loads.Load(), int64(16), "one node after the other, each with intervals of its own, would be more")
			})
		})
	}
}
