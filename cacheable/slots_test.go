package cacheable_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// meter counts how many loads run at the same time.
type meter struct{ now, most, total atomic.Int64 }

func (m *meter) enter() {
	m.total.Add(1)
	n := m.now.Add(1)
	for most := m.most.Load(); n > most && !m.most.CompareAndSwap(most, n); most = m.most.Load() {
	}
}

func (m *meter) leave() { m.now.Add(-1) }

// Reads, refreshes and reads while Redis is gone share the bound, and all get a slot.
func TestMaxConcurrentLoadsIsNeverExceededAndNobodyStarves(t *testing.T) {
	const limit = 3
	server := redistest.Start(t)
	var m meter
	c := cacheable.New(open(t, server.Client(t), store.Timeout(time.Second)), "c", func(context.Context, string) (int, error) {
		m.enter()
		defer m.leave()
		time.Sleep(2 * time.Millisecond)
		return 1, nil
	}, cacheable.MaxConcurrentLoads(limit))
	for _, down := range []bool{false, true} {
		if down {
			server.Kill()
		}
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				v, err := c.Get(t.Context(), fmt.Sprint(i, down))
				assert.NoError(t, err)
				assert.Equal(t, 1, v)
			})
			wg.Go(func() {
				v, err := c.Refresh(t.Context(), fmt.Sprint("refreshed ", i, down))
				assert.NoError(t, err)
				assert.Equal(t, 1, v)
			})
		}
		wg.Wait()
	}
	require.EqualValues(t, 400, m.total.Load())
	require.LessOrEqual(t, m.most.Load(), int64(limit))
	t.Logf("at most %d of %d loads at once", m.most.Load(), m.total.Load())
}

// A process that waits for the load of another holds no slot.
func TestWaitingForAnotherNodeTakesNoPlace(t *testing.T) {
	stores, crowd := fleet(t, redistest.Start(t).Client(t), 2), newCrowd()
	a := cacheable.New(stores[0], "c", func(context.Context, string) (int, error) { crowd.hold(); return 1, nil })
	b := cacheable.New(stores[1], "c", constant(2), cacheable.MaxConcurrentLoads(1))
	first := async(func() (int, error) { return a.Get(t.Context(), "k") })
	within(t, "the load", crowd.loading)
	waiter := async(func() (int, error) { return b.Get(t.Context(), "k") })
	eventually(t, "the wait", func() bool { return stores[1].Stats().Caches["c"].Waits == 1 })
	v, err := async(func() (int, error) { return b.Get(t.Context(), "other") }).wait(t)
	require.NoError(t, err)
	require.Equal(t, 2, v)
	close(crowd.finish)
	for _, call := range []*pending[int]{first, waiter} {
		v, err = call.wait(t)
		require.NoError(t, err)
		require.Equal(t, 1, v)
	}
}

// A load that waits for a slot does not run if all its callers have left.
func TestALoadThatNobodyWantsAnyMoreIsNotRun(t *testing.T) {
	for _, how := range []string{"get", "refresh", "get all"} {
		t.Run(how, func(t *testing.T) {
			crowd, wanted := newCrowd(), sync.Map{}
			load := func(_ context.Context, keys []string) (map[string]int, error) {
				for _, key := range keys {
					wanted.Store(key, true)
					if key == "slow" {
						crowd.hold()
					}
				}
				return map[string]int{keys[0]: 1}, nil
			}
			c := cacheable.NewMany(open(t, redistest.Start(t).Client(t)), "c", load, cacheable.MaxConcurrentLoads(1))
			read := map[string]func(context.Context, string) (int, error){
				"get": c.Get, "refresh": c.Refresh,
				"get all": func(ctx context.Context, key string) (int, error) {
					values, err := c.GetAll(ctx, []string{key})
					return values[key], err
				},
			}[how]
			slow := async(func() (int, error) { return read(t.Context(), "slow") })
			within(t, "the slow load", crowd.loading)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err := read(ctx, "left")
			require.ErrorIs(t, err, context.DeadlineExceeded)
			close(crowd.finish)
			_, err = slow.wait(t)
			require.NoError(t, err)
			_, err = read(t.Context(), "after")
			require.NoError(t, err)
			_, ran := wanted.Load("left")
			require.False(t, ran)
		})
	}
}

// A loader that is still running after the hard timeout still loads the source, so it keeps its slot.
func TestALoadThatIgnoresTheHardTimeoutStillCounts(t *testing.T) {
	var m meter
	finish := make(chan struct{})
	c := cacheable.New(open(t, redistest.Start(t).Client(t)), "c", func(context.Context, string) (int, error) {
		m.enter()
		defer m.leave()
		<-finish
		return 1, nil
	}, cacheable.MaxConcurrentLoads(1), cacheable.HardTimeout(50*time.Millisecond))
	_, err := c.Get(t.Context(), "a")
	require.ErrorIs(t, err, cacheable.ErrTimeout)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = c.Get(ctx, "b")
	require.ErrorIs(t, err, context.DeadlineExceeded, "it waits for its turn")
	close(finish)
	eventually(t, "its turn", func() bool { // a busy machine may take longer than the hard timeout even for this load
		v, err := c.Get(t.Context(), "b")
		return err == nil && v == 1
	})
	require.EqualValues(t, 1, m.most.Load())
}

// Loads that wait for a slot when the store closes fail, and do not start all at once.
func TestLoadsInTheQueueEndWithTheStore(t *testing.T) {
	crowd := newCrowd()
	st := open(t, redistest.Start(t).Client(t), store.DrainTime(50*time.Millisecond))
	c := cacheable.New(st, "c", func(context.Context, int) (int, error) {
		crowd.hold()
		return 1, nil
	}, cacheable.MaxConcurrentLoads(1))
	first := async(func() (int, error) { return c.Get(t.Context(), 0) })
	within(t, "the load", crowd.loading)
	var queued []*pending[int]
	var asked atomic.Int64
	for i := range 20 {
		queued = append(queued, async(func() (int, error) { asked.Add(1); return c.Get(t.Context(), i+1) }))
	}
	eventually(t, "the reads", func() bool { return asked.Load() == 20 })
	require.NoError(t, st.Close())
	for _, call := range queued {
		if _, err := call.wait(t); err != nil { // else it came after the end, and loaded for itself
			require.ErrorIs(t, err, store.ErrClosed)
		}
	}
	require.EqualValues(t, 1, st.Stats().Caches["c"].Loads)
	close(crowd.finish)
	_, err := first.wait(t)
	require.ErrorIs(t, err, store.ErrClosed)
}
