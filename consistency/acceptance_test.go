package consistency_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/consistency"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

var (
	readRate = flag.Int("monitor.reads", 10_000, "reads per second in TestAStaleClassIsFoundWithinAMinute")
	hourRate = flag.Int("monitor.hour", 1, "reads per second in TestNoFalseAlarmInAnHour")
)

// One percent of the keys is changed behind the cache's back. A monitor with default options, which samples 1 % of
// 10,000 reads per second, names their class within a minute, and no other.
func TestAStaleClassIsFoundWithinAMinute(t *testing.T) {
	right, wrong := names("name-%d", 990), names("price-%d", 10)
	source := newTable(append(right, wrong...)...)
	st := open(t, redistest.Start(t).Client(t))
	c := cacheable.NewMany(st, "product", source.loadAll, cacheable.TTL(time.Hour))
	all := append(right, wrong...)
	_, err := c.GetAll(t.Context(), all)
	require.NoError(t, err)
	m := consistency.NewMonitor(c)
	defer m.Close()

	ctx, stop := context.WithCancel(t.Context())
	var reads atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range 16 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if n := reads.Add(1); time.Duration(n)*time.Second/time.Duration(*readRate) > time.Since(began) {
					time.Sleep(time.Millisecond)
				}
				_, err := c.Get(t.Context(), all[rand.IntN(len(all))])
				require.NoError(t, err)
			}
		})
	}
	for _, key := range wrong {
		source.set(key, 2)
	}
	found := func() bool { r := m.Report(); return len(r.Classes) > 0 && r.Classes[0].Differs > 0 }
	for time.Since(began) < time.Minute && !found() {
		time.Sleep(10 * time.Millisecond)
	}
	took := time.Since(began)
	stop()
	wg.Wait()
	r := m.Report()
	t.Logf("found after %v at %.0f reads per second:\n%v", took.Round(time.Millisecond), float64(reads.Load())/took.Seconds(), r)
	require.NotEmpty(t, r.Classes)
	require.Equal(t, "price-*", r.Classes[0].Name)
	require.Positive(t, r.Classes[0].Differs)
	require.Zero(t, r.Classes[1].Differs)
	require.Less(t, took, time.Minute)
}

// For an hour two nodes write, and each write is visible at the source up to two seconds before its eviction has ended.
// Every hit is compared and many differ for a moment. None is a finding, and no alert is raised.
func TestNoFalseAlarmInAnHour(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		keys, source := names("k%d", 10), newTable()
		w := &world{source: source, keys: keys}
		var monitors []*consistency.Monitor
		var alerts []*consistency.Alerts
		raised := make(chan consistency.Alert, 100)
		for range 2 {
			st, err := store.Open(t.Context(), rdb, store.Namespace("shop"), store.Logger(quiet))
			require.NoError(t, err)
			defer func() { require.NoError(t, st.Close()) }()
			w.add(st)
			monitors = append(monitors, consistency.NewMonitor(w.nodes[len(w.nodes)-1], consistency.Sample(1)))
			alerts = append(alerts, consistency.NewAlerts(st, consistency.Logger(quiet), consistency.Notify(func(a consistency.Alert) { raised <- a }),
				consistency.Rules(consistency.HitRatioBelow(0.1), consistency.StaleAbove(0.01), consistency.WrongAbove(0), // there is no feed here
					consistency.BreakerOpen(), consistency.QueueAbove(0), consistency.LoadErrorsAbove(0))))
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() { w.read(ctx, t, i) })
			wg.Go(func() { w.write(ctx, t, i) })
		}
		wg.Wait()
		time.Sleep(10 * time.Second)
		for i, m := range monitors {
			k := m.Report().Total.Checks
			t.Logf("node %d: %d reads, %+v", i, m.Report().Total.Reads(), k)
			require.Zero(t, k.Differs+k.Unsettled+k.Failed+k.Dropped)
			require.Empty(t, m.Report().Findings)
			require.Greater(t, k.Equal, int64(1000))
			require.Greater(t, k.Explained, int64(10), "there was something to be wrong about")
			alerts[i].Close()
			m.Close()
		}
		require.Empty(t, raised)
		require.Greater(t, w.writes.Load(), int64(1000))
	})
}

// world is a source with several nodes that write in every possible way.
type world struct {
	source *table
	keys   []string
	nodes  []*cacheable.Cacheable[string, int]
	ways   [][]func(context.Context, string) error
	all    []func(context.Context, string) error // writes that evict everything, which are seldom
	writes atomic.Int64
}

func (w *world) add(st *store.Store) {
	tag := func(key string) []string { return []string{"tag of " + key} }
	c := cacheable.New(st, "row", w.source.load, cacheable.TTL(2*time.Minute), cacheable.NotFound(noRows, time.Minute),
		cacheable.Tags(tag), cacheable.RefreshAhead(0.7), cacheable.FailSafe(time.Hour))
	same := func(key string) string { return key }
	w.nodes = append(w.nodes, c)
	w.ways = append(w.ways, []func(context.Context, string) error{
		evict.AfterErr(w.change, evict.Key(c, same)),
		evict.AroundErr(w.change, evict.Key(c, same)),
		evict.AfterErr(w.change, evict.Tags(st, tag)),
		evict.AroundErr(w.change, evict.Tags(st, tag)),
		evict.AfterErr(w.delete, evict.Key(c, same)),
		evict.AroundErr(w.change, evict.Key(c, same), evict.HoldFor(3*time.Second)),
	})
	w.all = append(w.all, evict.AfterErr(w.change, evict.All[string](c)))
}

// change is a write that others see before it returns, or that never takes effect.
func (w *world) change(_ context.Context, key string) error {
	time.Sleep(rand.N(500 * time.Millisecond))
	w.source.add(key, 1)
	time.Sleep(rand.N(2 * time.Second))
	if rand.IntN(10) == 0 {
		return fmt.Errorf("the answer to the write of %s was lost", key)
	}
	return nil
}

func (w *world) delete(_ context.Context, key string) error {
	w.source.set(key, 0)
	time.Sleep(rand.N(2 * time.Second))
	return nil
}

func (w *world) read(ctx context.Context, t *testing.T, node int) {
	for ctx.Err() == nil {
		_, err := w.nodes[node].Get(t.Context(), w.keys[rand.IntN(len(w.keys))])
		if !noRows(err) {
			require.NoError(t, err)
		}
		time.Sleep(rand.N(2 * time.Second / time.Duration(*hourRate)))
	}
}

func (w *world) write(ctx context.Context, t *testing.T, node int) {
	for ctx.Err() == nil {
		way := w.ways[node][rand.IntN(len(w.ways[node]))]
		if rand.IntN(50) == 0 {
			way = w.all[node]
		}
		_ = way(t.Context(), w.keys[rand.IntN(len(w.keys))]) // whatever it says, it is evicted
		w.writes.Add(1)
		time.Sleep(rand.N(6 * time.Second))
	}
}
