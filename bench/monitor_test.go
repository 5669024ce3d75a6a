package bench

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/consistency"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
	"github.com/stretchr/testify/require"
)

// A monitor that compares 1 % of the hits leaves at least 0.93 of their throughput. The two caches share their entries
// and take turns. What is judged are hits for each second of this process's CPU time, the monitor's work included: where
// nothing else runs that is the throughput, and where something does, time says little about so small a difference.
func TestMonitorRatio(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's cost is not the library's")
	}
	const pairs = 81
	for name, of := range map[string]struct {
		options []cacheable.Option
		turn    int
		rate    consistency.Option
	}{
		"redis": {nil, 2500, consistency.Rate(1e6)}, // nothing of the work is dropped for being too much
		"near":  {[]cacheable.Option{cacheable.Near(2*keys, time.Hour)}, 100_000, consistency.Rate(200)},
	} {
		t.Run(name, func(t *testing.T) {
			st, err := store.Open(t.Context(), redistest.Start(t).Client(t), store.Namespace("bench"), store.Logger(slog.New(slog.DiscardHandler)))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, st.Close()) })
			load := func(_ context.Context, id string) (product, error) { return record(id), nil }
			read := func(c *cacheable.Cacheable[string, product]) func(string) {
				return func(key string) {
					if p, err := c.Get(context.Background(), key); err != nil || p.ID != key {
						t.Error("Get failed", err)
					}
				}
			}
			alone, watched := cacheable.New(st, "product", load, of.options...), cacheable.New(st, "product", load, of.options...)
			turn := of.turn
			share(turn, read(alone)) // fills both
			share(turn, read(watched))
			m := consistency.NewMonitor(watched, of.rate)
			defer m.Close()
			var without, with time.Duration
			ratios := make([]float64, pairs)
			for i := range ratios {
				began := cpuTime(t)
				a := share(turn, read(alone))
				between := cpuTime(t)
				b := share(turn, read(watched))
				without, with = without+between-began, with+cpuTime(t)-between
				ratios[i] = float64(a) / float64(b)
			}
			slices.Sort(ratios)
			ratio := float64(without) / float64(with)
			k := m.Report().Total.Checks
			t.Logf("throughput of a hit with a monitor at 1 %%: %.3f of that without, by CPU time; by time in the median turn %.3f, in half of them %.2f to %.2f",
				ratio, ratios[pairs/2], ratios[pairs/4], ratios[3*pairs/4])
			t.Logf("%v and %v for each hit, %d compared, %d dropped", with/time.Duration(pairs*turn), without/time.Duration(pairs*turn), k.Equal, k.Dropped)
			require.Zero(t, k.Differs+k.Failed)
			if name == "redis" {
				require.InDelta(t, pairs*turn/100, k.Equal, 0.15*float64(pairs*turn/100), "it was not spared the work")
				require.GreaterOrEqual(t, ratio, 0.93) // measured 0.95 to 0.99: each comparison has a deadline and a slot, so that loaders that hang are bounded
			} // a near hit takes as long as it takes to look at a few cache lines: chance decides which
		})
	}
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	used, err := cpu()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("CPU time is not known here")
	}
	require.NoError(t, err)
	return used
}
