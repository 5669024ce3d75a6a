package evict_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
)

// 10,000 entries on one node and on a Cluster, half of which match.
func TestByPatternEvictsManyAndReportsProgress(t *testing.T) {
	const n = 10_000
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st := open(t, rdb)
		even := cacheable.New(st, "even", func(_ context.Context, k int) (int, error) { return k, nil })
		odd := cacheable.New(st, "odd", func(_ context.Context, k int) (int, error) { return k, nil })
		var wg sync.WaitGroup
		for part := range 10 {
			wg.Go(func() {
				for i := part; i < n; i += 10 {
					c := even
					if i%2 == 1 {
						c = odd
					}
					if err := c.Put(t.Context(), i, i); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		var reports []int64
		began := time.Now()
		evicted, err := evict.ByPattern(t.Context(), st, "even:*", evict.Progress(func(n int64) { reports = append(reports, n) }))
		require.NoError(t, err)
		t.Logf("%d of %d entries evicted in %v, %d reports", evicted, n, time.Since(began), len(reports))
		require.EqualValues(t, n/2, evicted)
		require.NotEmpty(t, reports)
		require.IsNonDecreasing(t, reports)
		require.EqualValues(t, n/2, reports[len(reports)-1])
		for _, k := range []int{1, 777, 9999} {
			_, ok, err := odd.Peek(t.Context(), k)
			require.NoError(t, err)
			require.True(t, ok)
			_, ok, err = even.Peek(t.Context(), k-1)
			require.NoError(t, err)
			require.False(t, ok)
		}
		evicted, err = evict.ByPattern(t.Context(), st, "even:*")
		require.NoError(t, err)
		require.Zero(t, evicted)
		evicted, err = evict.ByPattern(t.Context(), st, "*")
		require.NoError(t, err)
		require.EqualValues(t, n/2, evicted)
	})
}

// The hold of a writer survives; the result of a load in progress is not stored.
func TestByPatternLeavesHoldsAndEndsLoads(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, src := fleet(t, rdb, 2), &table{}
		loading, finish := make(chan struct{}), make(chan struct{})
		slow := cacheable.New(stores[0], "c", func(_ context.Context, k string) (int64, error) {
			close(loading)
			<-finish
			return 0, nil
		})
		c := cacheable.New(stores[1], "c", src.load)
		done := make(chan struct{})
		go func() { defer close(done); _, _ = slow.Get(t.Context(), "loading") }()
		<-loading
		write := evict.Around(func(ctx context.Context, in change) (int64, error) {
			_, err := evict.ByPattern(ctx, stores[1], "c:*")
			require.NoError(t, err)
			_, info, err := c.GetInfo(ctx, in.Key)
			require.NoError(t, err)
			require.Equal(t, cacheable.SourceBypass, info.Source)
			return src.write(ctx, in)
		}, evict.Key(c, keyOf))
		_, err := write(t.Context(), change{"k", 1})
		require.NoError(t, err)
		src.cell("loading").Store(9)
		close(finish)
		<-done
		reads(t, 9, "loading", c)
	})
}

func TestByPatternStopsWhenItsContextEnds(t *testing.T) {
	st := open(t, redistest.Start(t).Client(t))
	c := cacheable.New(st, "c", func(_ context.Context, k int) (int, error) { return k, nil })
	for k := range 3000 {
		require.NoError(t, c.Put(t.Context(), k, k))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n, err := evict.ByPattern(ctx, st, "*", evict.Progress(func(int64) { cancel() }))
	require.ErrorIs(t, err, context.Canceled)
	require.Positive(t, n)
	require.Less(t, n, int64(3000))
}

// Every byte that a key may contain is matched by the pattern for it, and by no other.
func TestEveryKeyCanBeMatchedAsItAppearsInRedis(t *testing.T) {
	st := open(t, redistest.Start(t).Client(t))
	c := cacheable.New(st, "c", func(_ context.Context, k string) (int, error) { return len(k), nil })
	prefix := len(st.Namespace() + ":{c:")
	for b := range 256 {
		key := fmt.Sprintf("x%cy", rune(b))
		if b > 127 {
			key = "x" + string([]byte{byte(b)}) + "y"
		}
		require.NoError(t, c.Put(t.Context(), key, 1))
		require.NoError(t, c.Put(t.Context(), "xy", 1))
		shown := c.EntryKey(key).String()
		text := shown[prefix : len(shown)-1]
		n, err := evict.ByPattern(t.Context(), st, "c:"+quote(text))
		require.NoError(t, err)
		require.EqualValues(t, 1, n, "%q", key)
	}
}

// quote escapes the wildcards of a glob.
func quote(s string) (quoted string) {
	for i := range len(s) {
		switch s[i] {
		case '*', '?', '[', ']', '\\':
			quoted += `\`
		}
		quoted += s[i : i+1]
	}
	return quoted
}
