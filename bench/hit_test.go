package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { redistest.Main(m) }

const (
	callers = 64
	keys    = 1000
)

type product struct {
	ID, Name, Description, Category string
	Price                           int
	Tags                            []string
	Active                          bool
}

// record is about 1 kB of JSON.
func record(id string) product {
	return product{
		ID: id, Name: "Trail Runner 5", Description: strings.Repeat("Light, quick and dry. ", 38), Category: "shoes",
		Price: 12900, Tags: []string{"shoes", "running", "outdoor"}, Active: true,
	}
}

// share runs n calls of do from all callers on distinct keys.
func share(n int, do func(key string)) time.Duration {
	var next atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range callers {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				do(names[i%keys])
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

var names = func() (names [keys]string) {
	for i := range names {
		names[i] = fmt.Sprintf("product-%d", i)
	}
	return names
}()

func openBench(tb testing.TB, rdb redis.UniversalClient, options ...store.Option) *store.Store {
	st, err := store.Open(tb.Context(), rdb, append([]store.Option{
		store.Namespace("bench"), store.Logger(slog.New(slog.DiscardHandler)),
	}, options...)...)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, st.Close()) })
	return st
}

type contestants struct{ plain, aside func(key string) }

func hitContestants(tb testing.TB, options ...cacheable.Option) contestants {
	server := redistest.Start(tb)
	rdb := server.Client(tb)
	st := openBench(tb, rdb)
	loads := atomic.Int64{}
	cache := cacheable.New(st, "product", func(_ context.Context, id string) (product, error) {
		loads.Add(1)
		return record(id), nil
	}, options...)
	ctx := context.Background()
	for _, name := range names {
		_, err := cache.Get(ctx, name)
		require.NoError(tb, err)
		raw, err := json.Marshal(record(name))
		require.NoError(tb, err)
		require.NoError(tb, rdb.Set(ctx, name, raw, time.Hour).Err())
	}
	tb.Cleanup(func() { require.EqualValues(tb, keys, loads.Load(), "all were hits") })
	return contestants{
		plain: func(key string) {
			raw, err := rdb.Get(ctx, key).Bytes()
			var p product
			if err != nil || json.Unmarshal(raw, &p) != nil || p.ID != key {
				tb.Error("plain GET failed", err)
			}
		},
		aside: func(key string) {
			if p, err := cache.Get(ctx, key); err != nil || p.ID != key {
				tb.Error("Get failed", err)
			}
		},
	}
}

func BenchmarkHit(b *testing.B) {
	c := hitContestants(b)
	for name, do := range map[string]func(string){"get+unmarshal": c.plain, "aside": c.aside} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			share(b.N, do)
		})
	}
}

// A hit costs no more than GET and json.Unmarshal, for callers that are many less, and at most 5 allocations more. The two
// take turns, so that whatever else the machine does strikes both.
func TestHitRatio(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's cost is not the library's")
	}
	for name, options := range map[string][]cacheable.Option{
		"plain": nil,
		"tags":  {cacheable.Tags(func(string) []string { return []string{"catalogue"} })},
	} {
		t.Run(name, func(t *testing.T) {
			c := hitContestants(t, options...)
			const turn = 5000
			share(turn, c.plain)
			share(turn, c.aside)
			var plain, aside time.Duration
			for range 20 {
				plain += share(turn, c.plain)
				aside += share(turn, c.aside)
			}
			ratio := float64(plain) / float64(aside)
			t.Logf("throughput of a hit: %.2f of GET + json.Unmarshal", ratio)
			more := testing.AllocsPerRun(2000, func() { c.aside(names[7]) }) - testing.AllocsPerRun(2000, func() { c.plain(names[7]) })
			t.Logf("allocations more: %.0f", more)
			if name == "plain" {
				require.GreaterOrEqual(t, ratio, 1.0)
				require.LessOrEqual(t, more, 5.0)
			}
		})
	}
}
