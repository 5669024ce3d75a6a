package bench

import (
	"context"
	"flag"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
	"github.com/maypok86/otter/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/bench/peers"
)

// A near hit allocates nothing, and costs at most 2.5 times what otter's own GetIfPresent does. They take turns.
func TestNearRatio(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's cost is not the library's")
	}
	server := redistest.Start(t)
	st := openBench(t, server.Client(t))
	require.Eventually(t, func() bool { return st.Stats().Feed.Up }, 10*time.Second, time.Millisecond)
	cache := cacheable.New(st, "product", func(_ context.Context, id string) (product, error) { return record(id), nil },
		cacheable.Near(2*keys, time.Hour), cacheable.TTL(2*time.Hour))
	local := otter.Must(&otter.Options[string, product]{MaximumSize: 2 * keys, ExpiryCalculator: otter.ExpiryWriting[string, product](time.Hour)})
	t.Cleanup(func() { local.StopAllGoroutines() })
	tiny, err := peerNamed(t, "go-redis/cache, TinyLFU").Open(t.Context(), peers.Setup{
		Addr: server.Addr(), Prefix: "tiny:", Load: func(_ context.Context, id string) (peers.Product, error) { return peers.Record(id), nil },
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tiny.Close()) })
	ctx := context.Background()
	contestants := map[string]func(string){
		"otter": func(key string) {
			if p, ok := local.GetIfPresent(key); !ok || p.ID != key {
				t.Error("otter")
			}
		},
		"aside": func(key string) {
			if p, err := cache.Get(ctx, key); err != nil || p.ID != key {
				t.Error(err)
			}
		},
		"tiny": func(key string) {
			if p, err := tiny.Get(ctx, key); err != nil || p.ID != key {
				t.Error(err)
			}
		},
	}
	for _, name := range names {
		local.Set(name, record(name))
		for range 2 { // loads it, and then keeps what Redis has
			contestants["aside"](name)
		}
		contestants["tiny"](name)
	}
	hits := st.Stats().Caches["product"].NearHits
	took := map[string][]time.Duration{}
	const turns, each = 120, 20_000 // short, so that some are not disturbed
	for range turns {
		for name, calls := range map[string]int{"otter": each, "aside": each, "tiny": each / 20} {
			took[name] = append(took[name], share(calls, contestants[name])*each/time.Duration(calls))
		}
	}
	require.GreaterOrEqual(t, st.Stats().Caches["product"].NearHits-hits, int64(turns-1)*each, "near hits")
	cost := func(name string) float64 { return slices.Min(took[name]).Seconds() }
	t.Logf("a near hit takes %.2f times as long as otter's GetIfPresent (%v), and has %.0f times the throughput of go-redis/cache's TinyLFU tier",
		cost("aside")/cost("otter"), slices.Min(took["otter"])/each, cost("tiny")/cost("aside"))
	require.LessOrEqual(t, cost("aside")/cost("otter"), 2.5)
	require.GreaterOrEqual(t, cost("tiny")/cost("aside"), 20.0)
	require.Zero(t, testing.AllocsPerRun(1000, func() { contestants["aside"](names[7]) }), "allocations")
}

func peerNamed(t *testing.T, name string) peers.Peer {
	t.Helper()
	for _, p := range peers.All() {
		if p.Name == name {
			return p
		}
	}
	require.FailNow(t, "no such peer", name)
	return peers.Peer{}
}

var coherenceRounds = flag.Int("coherence.rounds", 300, "rounds of TestCoherenceLatency")

// How long an old value stays nearby on a node after another has evicted it, or after a bare DEL, while both are busy.
// The figures are logged; what is asserted is far above them, for machines that are slow.
func TestCoherenceLatency(t *testing.T) {
	test := func(t *testing.T, rdb redis.UniversalClient) {
		rounds := *coherenceRounds
		namespace := redistest.Unique(t)
		open := func() *store.Store {
			return openBench(t, rdb, store.Namespace(namespace), store.Timeout(10*time.Second)) // no eviction is to be queued
		}
		one, two := open(), open()
		require.Eventually(t, func() bool { return one.Stats().Feed.Up && two.Stats().Feed.Up }, 10*time.Second, time.Millisecond)
		var versions [keys]atomic.Int64
		load := func(_ context.Context, k int) (int64, error) { return versions[k].Load(), nil }
		near := []cacheable.Option{cacheable.Near(2*keys, time.Hour), cacheable.TTL(2 * time.Hour)}
		reader, writer := cacheable.New(one, "cell", load, near...), cacheable.New(two, "cell", load, near...)

		stop := make(chan struct{})
		busy := make(chan struct{})
		go func() { // the load: reads and evictions of other keys, on both nodes
			defer close(busy)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				k := keys/2 + i%(keys/2)
				if _, err := reader.Get(context.Background(), k); err != nil {
					t.Error(err)
				}
				if _, err := writer.Get(context.Background(), k); err != nil {
					t.Error(err)
				}
				if i%10 == 0 {
					if err := reader.Evict(context.Background(), k); err != nil {
						t.Error(err)
					}
				}
			}
		}()
		for name, evict := range map[string]func(int) error{
			"eviction": func(k int) error { return writer.Evict(t.Context(), k) },
			"DEL":      func(k int) error { return rdb.Del(t.Context(), reader.EntryKey(k).String()).Err() },
		} {
			var took []time.Duration
			for i := range rounds {
				k := i % (keys / 2)
				for range 2 {
					_, err := reader.Get(t.Context(), k)
					require.NoError(t, err)
				}
				version := versions[k].Add(1)
				require.NoError(t, evict(k))
				began := time.Now()
				for v := int64(-1); v != version; {
					var err error
					v, err = reader.Get(t.Context(), k)
					require.NoError(t, err)
					require.Less(t, time.Since(began), 10*time.Second)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			t.Logf("%-8s gone after %v in the median, %v at the 99.9th percentile", name, took[rounds/2], took[rounds*999/1000])
			require.Less(t, took[rounds/2], 100*time.Millisecond)
		}
		close(stop)
		<-busy
	}
	t.Run("single", func(t *testing.T) { test(t, redistest.Start(t).Client(t)) })
	t.Run("cluster", func(t *testing.T) { test(t, redistest.StartCluster(t).Client(t)) })
}
