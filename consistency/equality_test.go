package consistency_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/consistency"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// The monitor compares as the cache says, unless it is told otherwise.
func TestTheMonitorUsesTheEqualityOfTheCache(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, err := store.Open(t.Context(), rdb, store.Namespace("shop"), store.Logger(quiet))
		require.NoError(t, err)
		defer func() { require.NoError(t, st.Close()) }()
		var answer atomic.Int64
		answer.Store(11)
		load := func(context.Context, string) (int64, error) { return answer.Load(), nil }
		c := cacheable.New(st, "row", load, cacheable.TTL(time.Hour), cacheable.Equal(func(a, b int64) bool { return a/10 == b/10 }))
		m := consistency.NewMonitor(c, consistency.Sample(1))
		defer m.Close()
		w := watched[int64]{st, c, m}
		w.read(t, 1, "k")
		answer.Store(12)
		w.read(t, 20, "k")
		k := w.settle()
		require.EqualValues(t, 20, k.Equal, "11 and 12 are equal")
		answer.Store(21)
		w.read(t, 20, "k")
		k = w.settle()
		require.Positive(t, k.Differs, "11 and 21 are not")
	})
}

type loose struct{ Data any }

// A value that does not survive its codec is not called equal: neither by a monitor nor by an audit. Fix leaves the entry, for
// the next one would be no better.
func TestWhatTheCodecLosesIsReported(t *testing.T) {
	for name, options := range map[string][]cacheable.Option{"lossy by mistake": nil, "lossy by intent": {cacheable.Lossy()}} {
		t.Run(name, func(t *testing.T) {
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				st, err := store.Open(t.Context(), rdb, store.Namespace("shop"), store.Logger(quiet))
				require.NoError(t, err)
				defer func() { require.NoError(t, st.Close()) }()
				load := func(context.Context, string) (loose, error) { return loose{42}, nil }
				c := cacheable.New(st, "row", load, append(options, cacheable.TTL(time.Hour))...)
				m := consistency.NewMonitor(c, consistency.Sample(1), consistency.Fix())
				defer m.Close()
				w := watched[loose]{st, c, m}
				w.read(t, 20, "k")
				k := w.settle()
				const lost = ".Data is int and came back as float64"
				class := m.Report().Classes[0]
				if options != nil {
					require.Zero(t, k.Differs)
					require.Empty(t, class.Lost)
					return
				}
				require.Positive(t, k.Differs)
				require.Zero(t, k.Repaired)
				require.Equal(t, lost, class.Lost)
				require.Contains(t, m.Report().String(), "the codec changes the values ("+lost+")")
				require.EqualValues(t, 1, w.st.Stats().Caches["row"].Loads-k.Equal-k.Differs-k.Gone, "one load stored it, no entry was evicted")
				for range 4096 { // an audit looks at one of so many
					r, err := consistency.Audit(t.Context(), c, consistency.Fix(), consistency.Rate(1e6))
					require.NoError(t, err)
					require.Zero(t, r.Checks.Repaired)
					if r.Checks.Differs > 0 {
						require.Equal(t, lost, r.Classes[0].Lost)
						return
					}
				}
				t.Error("no audit has noticed it")
			})
		})
	}
}
