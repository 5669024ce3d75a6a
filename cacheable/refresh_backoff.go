package cacheable

import (
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/pause"
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
	of       entry.Token // the version that the rest is about
	running  bool
	failures int
	after    time.Time // of the next refresh
}

func newRefreshes() *refreshes {
	return &refreshes{running: semaphore.NewWeighted(maxRefreshes), keys: make(map[store.Key]*refreshState)}
}

// begin reports whether a refresh of the key, under which is a version, may begin now. If so, end must follow. That
// another version failed is no reason to wait: it was evicted, expired or replaced.
func (r *refreshes) begin(key store.Key, version entry.Token) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	state := r.keys[key]
	if state != nil && (state.running || state.of == version && time.Now().Before(state.after)) {
		return false
	}
	if !r.running.TryAcquire(1) {
		return false // a later read will ask again
	}
	if state == nil {
		if len(r.keys) >= maxKnownFailures {
			r.forgetFailures()
		}
		state = &refreshState{}
		r.keys[key] = state
	}
	if state.of != version {
		*state = refreshState{of: version}
	}
	state.running = true
	return true
}

// forgetFailures is called with mu locked.
func (r *refreshes) forgetFailures() {
	for key, state := range r.keys {
		if !state.running {
			delete(r.keys, key)
		}
	}
}

// failed records that the refresh of a key has failed, and returns the pause until the next.
func (r *refreshes) failed(key store.Key) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	state := r.keys[key]
	state.failures++
	return pause.After(state.failures, firstBackoff, longestBackoff)
}

// end ends a refresh. The next one may begin after wait.
func (r *refreshes) end(key store.Key, wait time.Duration) {
	r.running.Release(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if wait == 0 {
		delete(r.keys, key)
		return
	}
	state := r.keys[key]
	state.running, state.after = false, time.Now().Add(wait)
}
