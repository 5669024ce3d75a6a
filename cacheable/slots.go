package cacheable

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/semaphore"
)

// MaxConcurrentLoads bounds how many loads of this cache run at the same time in this process; others wait. A loader
// that is still running after [HardTimeout] still counts. A loader that reads from its own cache needs a bound above
// the depth of that recursion. The default, 0, is no bound.
func MaxConcurrentLoads(n int) Option {
	if n < 0 {
		panic(fmt.Sprintf("cacheable: MaxConcurrentLoads(%d): use 1 or more, or 0 for no bound", n))
	}
	return func(s *settings) { s.maxLoads = n }
}

// slots are the loads that may run at the same time.
type slots struct{ free *semaphore.Weighted } // nil is no bound

func newSlots(n int) slots {
	if n == 0 {
		return slots{}
	}
	return slots{semaphore.NewWeighted(int64(n))}
}

// slot returns a slot that is not acquired yet.
func (s slots) slot() slot { return slot{free: s.free} }

// slot is the right of one load to run. It is used by one goroutine at a time.
type slot struct {
	free  *semaphore.Weighted
	held  bool
	calls *sync.WaitGroup // if not nil, the calls of the loader that the slot was handed over to
}

// acquire waits for a slot, in the order of the calls, if this one is not held. It reports false if ctx ends first. The
// context of a load ends when the store closes, and not when its callers leave.
func (s *slot) acquire(ctx context.Context) bool {
	if s.free == nil || s.held {
		return true
	}
	s.held = s.free.Acquire(ctx, 1) == nil
	return s.held
}

// release frees the slot if it is held.
func (s *slot) release() {
	if s.held {
		s.held = false
		s.free.Release(1)
	}
}

// handOver passes the slot on to whoever calls release, once.
func (s *slot) handOver() (release func()) {
	given := *s
	s.held = false
	if given.calls == nil {
		return given.release
	}
	given.calls.Add(1)
	return func() { given.release(); given.calls.Done() }
}
