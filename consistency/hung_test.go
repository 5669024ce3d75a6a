package consistency_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/consistency"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// hanging is a source whose loader can be made to hang, and then ignores its context or not.
type hanging struct {
	hangs   atomic.Bool
	heeds   bool
	release chan struct{}
	calls   atomic.Int64 // running now
}

func (h *hanging) load(ctx context.Context, key string) (int, error) {
	h.calls.Add(1)
	defer h.calls.Add(-1)
	if h.hangs.Load() {
		if !h.heeds {
			<-h.release
		} else if <-ctx.Done(); true {
			return 0, ctx.Err()
		}
	}
	return len(key), nil
}

func (h *hanging) loadAll(ctx context.Context, keys []string) (map[string]int, error) {
	all := make(map[string]int)
	for _, key := range keys {
		n, err := h.load(ctx, key)
		if err != nil {
			return nil, err
		}
		all[key] = n
	}
	return all, nil
}

// Calls of a loader that hangs are few, counted and reported. The hits that can't be compared meanwhile are counted. The
// comparisons go on when the calls have returned.
func TestMonitorOfALoaderThatHangs(t *testing.T) {
	for name, options := range map[string][]cacheable.Option{
		"without HardTimeout": nil, "with HardTimeout": {cacheable.HardTimeout(time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				h := &hanging{release: make(chan struct{})}
				st, err := store.Open(t.Context(), rdb, store.Logger(quiet))
				require.NoError(t, err)
				defer func() { require.NoError(t, st.Close()) }()
				c := cacheable.New(st, "row", h.load, append(options, cacheable.TTL(time.Hour))...)
				m := consistency.NewMonitor(c, consistency.Sample(1), consistency.Concurrency(3))
				defer m.Close()
				keys := names("k%d", 50)
				w := watched[int]{st, c, m}
				w.read(t, 100, keys...)
				synctest.Wait()
				require.EqualValues(t, 50, checks(st, "row").Equal)
				before := runtime.NumGoroutine()
				h.hangs.Store(true)
				w.read(t, 3000, keys...) // 150 s
				synctest.Wait()
				k := checks(st, "row")
				require.EqualValues(t, 3, h.calls.Load())
				require.LessOrEqual(t, runtime.NumGoroutine()-before, 4*3)
				require.EqualValues(t, 3, k.Hung)
				require.EqualValues(t, 3, k.Hanging)
				require.EqualValues(t, 3000, k.Failed+k.Skipped+k.Dropped, "%+v", k)
				require.Greater(t, k.Skipped, int64(2500))
				require.Contains(t, m.Report().String(), "3 calls of the loader for comparisons hang")
				r, err := consistency.Audit(t.Context(), c, consistency.Concurrency(3))
				require.NoError(t, err)
				require.EqualValues(t, 50, r.Checks.Skipped, "there is no room for an audit's either")
				require.Contains(t, r.Problem, "hang")
				require.EqualValues(t, 3, h.calls.Load())

				h.hangs.Store(false)
				close(h.release)
				w.read(t, 50, keys...)
				w.settle()
				k = checks(st, "row")
				require.EqualValues(t, 100, k.Equal)
				require.Zero(t, k.Hanging)
				require.NotContains(t, m.Report().String(), "hang;")
			})
		})
	}
}

// A loader that heeds its context does not hang: its comparisons fail when their time is up.
func TestLoadTimeout(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		h := &hanging{heeds: true}
		st, err := store.Open(t.Context(), rdb, store.Logger(quiet))
		require.NoError(t, err)
		defer func() { require.NoError(t, st.Close()) }()
		c := cacheable.New(st, "row", h.load, cacheable.TTL(time.Hour))
		m := consistency.NewMonitor(c, consistency.Sample(1), consistency.Concurrency(1), consistency.LoadTimeout(time.Second))
		defer m.Close()
		w := watched[int]{st, c, m}
		w.read(t, 1, "k")
		h.hangs.Store(true)
		for range 3 {
			w.read(t, 1, "k")
		}
		time.Sleep(2850*time.Millisecond - time.Millisecond)
		synctest.Wait()
		require.EqualValues(t, 2, checks(st, "row").Failed, "one after the other")
		time.Sleep(time.Minute)
		require.Equal(t, store.CheckStats{Failed: 3}, checks(st, "row"))
		require.Zero(t, h.calls.Load())
	})
}

// An audit of a loader that hangs ends soon, however often it is begun, and its calls are few.
func TestAuditOfALoaderThatHangs(t *testing.T) {
	for name, options := range map[string][]cacheable.Option{
		"one call": nil, "batches": {cacheable.MaxBatch(10)}, "batches with HardTimeout": {cacheable.MaxBatch(1), cacheable.HardTimeout(time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				h := &hanging{release: make(chan struct{})}
				st, err := store.Open(t.Context(), rdb, store.Logger(quiet))
				require.NoError(t, err)
				defer func() { require.NoError(t, st.Close()) }()
				many := cacheable.NewMany(st, "many", h.loadAll, append(options, cacheable.TTL(24*time.Hour))...)
				one := cacheable.New(st, "one", h.load, cacheable.TTL(24*time.Hour))
				_, err = many.GetAll(t.Context(), names("k%d", 300))
				require.NoError(t, err)
				for _, key := range names("k%d", 20) {
					_, err = one.Get(t.Context(), key)
					require.NoError(t, err)
				}
				h.hangs.Store(true)
				for range 5 {
					began := time.Now()
					r, err := consistency.Audit(t.Context(), many)
					require.NoError(t, err)
					require.EqualValues(t, 300, r.Checks.Failed+r.Checks.Skipped)
					require.Less(t, time.Since(began), 10*time.Minute)
				}
				require.LessOrEqual(t, h.calls.Load(), int64(5), "one may be so new that it does not count as hanging yet")
				for range 5 {
					r, err := consistency.Audit(t.Context(), one, consistency.LoadTimeout(time.Second))
					require.NoError(t, err)
					require.EqualValues(t, 20, r.Checks.Failed+r.Checks.Skipped)
					require.EqualValues(t, 4, r.Checks.Hanging)
					require.Contains(t, r.String(), "4 calls of the loader for comparisons hang")
				}
				require.LessOrEqual(t, h.calls.Load(), int64(9))
				close(h.release)
			})
		})
	}
}

// Closing does not wait for a loader, nor for ever for any other function of the user's: not even for one that closes.
func TestCloseDoesNotWaitForEver(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, h *hanging, closing func()) (options []consistency.Option, wait time.Duration){
		"for the loader": func(_ *testing.T, h *hanging, _ func()) ([]consistency.Option, time.Duration) {
			h.hangs.Store(true)
			return nil, 0
		},
		"for Equal": func(_ *testing.T, h *hanging, _ func()) ([]consistency.Option, time.Duration) {
			return []consistency.Option{consistency.ClassOf(func(string) string { <-h.release; return "" })}, 5 * time.Second
		},
		"for itself": func(_ *testing.T, _ *hanging, closing func()) ([]consistency.Option, time.Duration) {
			return []consistency.Option{consistency.ClassOf(func(string) string { closing(); return "" })}, 5 * time.Second
		},
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				h := &hanging{release: make(chan struct{})}
				var log redistest.Log
				st, err := store.Open(t.Context(), rdb, store.Logger(log.Logger()))
				require.NoError(t, err)
				c := cacheable.New(st, "row", h.load)
				_, err = c.Get(t.Context(), "k")
				require.NoError(t, err)
				var m *consistency.Monitor
				options, wait := test(t, h, func() { m.Close() })
				m = consistency.NewMonitor(c, append(options, consistency.Sample(1))...)
				_, err = c.Get(t.Context(), "k")
				require.NoError(t, err)
				synctest.Wait()
				began := time.Now()
				m.Close()
				require.Equal(t, wait, time.Since(began))
				if wait > 0 {
					require.NotEmpty(t, log.With("closing goes on without a function that does not return"))
				}
				began = time.Now()
				close(h.release)
				require.NoError(t, st.Close())
				require.LessOrEqual(t, time.Since(began), 5*time.Second)
			})
		})
	}
}
