package cacheable_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
)

var stampedeKeys = flag.Int("stampede.keys", 20, "cold keys of TestStampede; the acceptance run uses 100")

// 4 nodes with 50 callers each ask for one cold key: it is loaded once, and all 200 get the value.
func TestStampede(t *testing.T) {
	const nodes, callers, slow = 4, 50, 50 * time.Millisecond
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		loads := make([]atomic.Int64, *stampedeKeys)
		var caches []*cacheable.Cacheable[int, string]
		for _, st := range fleet(t, rdb, nodes) {
			caches = append(caches, cacheable.New(st, "c", func(_ context.Context, key int) (string, error) {
				loads[key].Add(1)
				time.Sleep(slow)
				return fmt.Sprint("value of ", key), nil
			}))
		}
		walls := make([]time.Duration, *stampedeKeys)
		for key := range walls {
			start := make(chan struct{})
			var wg sync.WaitGroup
			for i := range nodes * callers {
				wg.Go(func() {
					<-start
					v, err := caches[i%nodes].Get(t.Context(), key)
					assert.NoError(t, err)
					assert.Equal(t, fmt.Sprint("value of ", key), v)
				})
			}
			began := time.Now()
			close(start)
			wg.Wait()
			walls[key] = time.Since(began)
			require.EqualValues(t, 1, loads[key].Load(), "loads of key %d", key)
		}
		slices.Sort(walls)
		t.Logf("%d keys: all %d callers answered within %v in the median, %v at most; the loader takes %v",
			len(walls), nodes*callers, walls[len(walls)/2], walls[len(walls)-1], slow)
		require.Less(t, walls[len(walls)/2], slow+2*time.Second)
	})
}

// A caller that waits for the load of another node learns of its end: at once through the feed, and by polling
// without.
func TestAWaiterOnAnotherNodeDoesNotLoad(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores := fleet(t, rdb, 2)
		loading, finish := make(chan struct{}), make(chan struct{})
		a := cacheable.New(stores[0], "c", func(context.Context, string) (int, error) {
			close(loading)
			<-finish
			return 1, nil
		})
		b := cacheable.New(stores[1], "c", func(context.Context, string) (int, error) {
			t.Error("the value was being loaded elsewhere")
			return 2, nil
		})
		first := async(func() (int, error) { return a.Get(t.Context(), "k") })
		within(t, "the load", loading)
		second := async(func() (int, error) { return b.Get(t.Context(), "k") })
		eventually(t, "the wait", func() bool { return stores[1].Stats().Caches["c"].Waits == 1 })
		close(finish)
		for _, call := range []*pending[int]{first, second} {
			v, err := call.wait(t)
			require.NoError(t, err)
			require.Equal(t, 1, v)
		}
		require.EqualValues(t, 1, requireReads(t, stores[1], "c", 1).Hits)
	})
}

// pending is a read in another goroutine.
type pending[V any] struct {
	done     chan struct{}
	value    V
	err      error
	panicked any
}

func async[V any](read func() (V, error)) *pending[V] {
	p := &pending[V]{done: make(chan struct{})}
	go func() {
		defer close(p.done)
		defer func() { p.panicked = recover() }()
		p.value, p.err = read()
	}()
	return p
}

func (p *pending[V]) wait(t testing.TB) (V, error) {
	t.Helper()
	within(t, "the answer", p.done)
	return p.value, p.err
}
