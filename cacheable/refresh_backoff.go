package cacheable

import (
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/jollyjet/aside/store"
)

const (
	maxRefreshes     = 16              // background refreshes of one cache at the same time
	firstBackoff     = time.Second     // after a refresh that failed; doubled for each further failure
	longestBackoff   = 5 * time.Minute //
	maxKnownFailures = 10_000          // beyond that number failed refreshes are forgotten
)

// refreshes knows which keys are being refreshed in the background, and which ones have failed and must wait.
type refreshes struct {
	running *semaphore.Weighted

	mu   sync.Mutex
	keys map[store.Key]*refreshState // guarded by mu, its values too
}

type refreshState struct {
	running  bool
	failures int
	after    time.Time // of the next refresh
}

func newRefreshes() *refreshes {
	return &refreshes{running: semaphore.NewWeighted(maxRefreshes), keys: make(map[store.Key]*refreshState)}
}

// begin reports whether a refresh of the key may begin now. If so, end must follow.
func (a *refreshes) begin(key store.Key) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	state := a.keys[key]
	if state != nil && (state.running || time.Now().Before(state.after)) {
		return false
	}
	if !a.running.TryAcquire(1) {
		return false // a later read will ask again
	}
	if state == nil {
		if len(a.keys) >= maxKnownFailures {
			a.forgetFailures()
		}
		state = &refreshState{}
		a.keys[key] = state
	}
	state.running = true
	return true
}

// forgetFailures is called with mu locked.
func (a *refreshes) forgetFailures() {
	for key, state := range a.keys {
		if !state.running {
			delete(a.keys, key)
		}
	}
}

// failed records that the refresh of a key has failed, and returns the pause until the next.
func (a *refreshes) failed(key store.Key) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	state := a.keys[key]
	state.failures++
	return min(firstBackoff<<min(state.failures-1, 20), longestBackoff)
}

// end ends a refresh. The next one must wait for the pause.
func (a *refreshes) end(key store.Key, pause time.Duration) {
	a.running.Release(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if pause == 0 {
		delete(a.keys, key)
		return
	}
	state := a.keys[key]
	state.running, state.after = false, time.Now().Add(pause)
}
