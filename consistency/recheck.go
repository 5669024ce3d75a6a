package consistency

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/pause"
)

// maxMismatches bounds how many mismatches may be open at a time.
const maxMismatches = 1000

// recheckQueue holds the open mismatches of a monitor until it is time to compare them again. It is safe for concurrent
// use.
type recheckQueue[K comparable] struct {
	wake chan struct{} // has room for one signal: the first of the queue has changed

	mu    sync.Mutex         // guards all below, and mismatch.hits of those in byKey
	byKey map[K]*mismatch[K] // all that are open: queued, or being compared right now
	queue []recheck[K]       // in the order of their times
}

type recheck[K comparable] struct {
	mismatch *mismatch[K]
	at       time.Time
}

func newRecheckQueue[K comparable]() *recheckQueue[K] {
	return &recheckQueue[K]{wake: make(chan struct{}, 1), byKey: make(map[K]*mismatch[K])}
}

// join reports whether a mismatch of the key is open. If so, it counts one more hit, which gets the same result.
func (q *recheckQueue[K]) join(key K) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.byKey[key]
	if m != nil {
		m.hits++
	}
	return m != nil
}

// add queues a mismatch for a while. It reports false if too many are open. If another mismatch of the key is open, that one takes
// over the hits.
func (q *recheckQueue[K]) add(m *mismatch[K], wait time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if other := q.byKey[m.key]; other != nil && other != m {
		other.hits += m.hits
		return true
	}
	if q.byKey[m.key] == nil && len(q.byKey) >= maxMismatches {
		return false
	}
	q.byKey[m.key] = m
	at := time.Now().Add(wait)
	i := len(q.queue)
	for i > 0 && at.Before(q.queue[i-1].at) {
		i--
	}
	if q.queue = slices.Insert(q.queue, i, recheck[K]{m, at}); i == 0 {
		pause.Wake(q.wake)
	}
	return true
}

// remove closes a mismatch. Its hits do not change after that.
func (q *recheckQueue[K]) remove(m *mismatch[K]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.byKey, m.key)
}

// run sends each mismatch to due when its time has come, until ctx ends.
func (q *recheckQueue[K]) run(ctx context.Context, due chan<- *mismatch[K]) {
	for {
		m, left := q.next()
		switch {
		case m == nil && left == 0:
			select {
			case <-q.wake:
			case <-ctx.Done():
				return
			}
		case m == nil:
			if pause.Until(ctx, left, q.wake); ctx.Err() != nil {
				return
			}
		default:
			select {
			case due <- m:
			case <-ctx.Done():
				return
			}
		}
	}
}

// next removes and returns the first mismatch whose time has come. Otherwise it returns how long that takes, or 0 if
// the queue is empty.
func (q *recheckQueue[K]) next() (*mismatch[K], time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		return nil, 0
	}
	if left := time.Until(q.queue[0].at); left > 0 {
		return nil, left
	}
	m := q.queue[0].mismatch
	q.queue = q.queue[1:]
	return m, 0
}
