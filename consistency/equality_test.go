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
