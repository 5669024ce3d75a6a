package cacheable_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// hangs is a loader whose first so many calls hang until they are released.
type hangs struct {
	first   int64
	calls   atomic.Int64
	release chan struct{}
}

func (h *hangs) load(_ context.Context, _ string) (int64, error) {
	n := h.calls.Add(1)
	if n <= h.first {
		<-h.release
	}
	return n, nil
}

func (h *hangs) loadAll(ctx context.Context, keys []string) (map[string]int64, error) {
	n, err := h.load(ctx, "")
	values := make(map[string]int64)
	for _, key := range keys {
		values[key] = n
	}
	return values, err
}

// When all callers of a load have left it gives up its lease, and what it returns later is refused. Others load, on this node
// and elsewhere.
func TestALoadThatNobodyWaitsForIsGivenUp(t *testing.T) {
	for name, read := range map[string]func(ctx context.Context, c *cacheable.Many[string, int64]) (int64, error){
		"Get": func(ctx context.Context, c *cacheable.Many[string, int64]) (int64, error) { return c.Get(ctx, "k") },
		"GetAll": func(ctx context.Context, c *cacheable.Many[string, int64]) (int64, error) {
			values, err := c.GetAll(ctx, []string{"k", "l"})
			return values["k"], err
		},
	} {
		for _, there := range []bool{false, true} {
			t.Run(name+map[bool]string{false: " here", true: " there"}[there], func(t *testing.T) {
				redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
					const lease = 3 * time.Second
					stores := fleet(t, rdb, 2, store.LeaseTime(lease))
					h := &hangs{first: 1, release: make(chan struct{})}
					release := sync.OnceFunc(func() { close(h.release) })
					defer release()
					here, other := cacheable.NewMany(stores[0], "c", h.loadAll), cacheable.NewMany(stores[1], "c", h.loadAll)
					next := here
					if there {
						next = other
					}
					ctx, leave := context.WithTimeout(t.Context(), time.Second)
					defer leave()
					_, err := read(ctx, here)
					require.ErrorIs(t, err, context.DeadlineExceeded)

					if !there { // a caller who comes while the load is not given up yet joins it
						ctx, leave := context.WithTimeout(t.Context(), time.Second)
						defer leave()
						_, err = read(ctx, here)
						require.ErrorIs(t, err, context.DeadlineExceeded)
						time.Sleep(2 * lease)
					}
					began := time.Now()
					v, err := read(t.Context(), next)
					require.NoError(t, err)
					require.Greater(t, v, int64(1))
					require.Less(t, time.Since(began), 3*lease)
					release()
					synctest.Wait()
					kept, err := read(t.Context(), here)
					require.NoError(t, err)
					require.Equal(t, v, kept, "the result of the first load was refused")
				})
			})
		}
	}
}

// Callers who have left a load cost nothing, however long it hangs.
func TestCallersThatLeftAreForgotten(t *testing.T) {
	st := open(t, redistest.Start(t).Client(t))
	h := &hangs{first: 1, release: make(chan struct{})}
	c := cacheable.New(st, "c", h.load)
	var kept atomic.Int64
	type payload [1 << 10]byte
	type key struct{}
	leave := errors.New("left")
	call := func() {
		p := &payload{}
		kept.Add(1)
		runtime.AddCleanup(p, func(n *atomic.Int64) { n.Add(-1) }, &kept)
		ctx, cancel := context.WithCancelCause(context.WithValue(context.Background(), key{}, p))
		done := make(chan struct{})
		go func() { defer close(done); _, _ = c.Get(ctx, "k") }()
		eventually(t, "the load", func() bool { return h.calls.Load() == 1 })
		cancel(leave)
		<-done
	}
	const callers = 2_000
	for range callers {
		call()
	}
	eventually(t, "forgotten", func() bool {
		runtime.GC()
		return kept.Load() <= callers/100
	})
	close(h.release)
}
