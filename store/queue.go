package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
)

// queue holds the evictions that did not reach Redis. As long as a key is in here, this node does not read it from
// Redis. Entries and tags are evicted by the same script, so all that is to be remembered of an eviction is its key,
// and repeating one does no harm.
type queue struct {
	st *Store
	n  atomic.Int64 // number of keys, so that reads need no lock while there are none

	mu        sync.Mutex
	keys      map[string]uint64 // to the number of the failure, which tells an eviction from a later one
	failures  uint64
	replaying bool
	outage    outage
}

// outage is the time from the first eviction that is queued until none is left, which is logged once.
type outage struct {
	began            time.Time // zero if there is none
	queued, replayed int64
	overflowed       bool
}

func (q *queue) empty() bool { return q.n.Load() == 0 }

func (q *queue) has(addr string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, ok := q.keys[addr]
	return ok
}

// failed queues the keys whose calls were not carried out, because of cause.
func (q *queue) failed(keys []Key, calls []*call, cause error) error {
	var lost []Key
	for i, c := range calls {
		if c.Err() != nil {
			lost = append(lost, keys[i])
		}
	}
	q.add(cause, lost...)
	if q.st.life.closed.Load() {
		return fmt.Errorf("%w: %d evictions not delivered", ErrClosed, len(lost))
	}
	return fmt.Errorf("%w: %d of %d keys: %w", ErrQueued, len(lost), len(keys), cause)
}

// add queues evictions that failed because of cause, and sees to it that they are repeated.
func (q *queue) add(cause error, keys ...Key) {
	first, tooMany := q.keep(keys)
	if first && !q.st.life.closed.Load() {
		q.st.cfg.log.Warn("aside: Redis could not be told of evictions; they are repeated until it is, and this node does not read those keys from Redis meanwhile",
			"keys", len(keys), "cause", cause)
	}
	if tooMany {
		q.st.cfg.log.Error("aside: too many evictions queued, everything will be evicted", "limit", q.st.cfg.queue)
	}
}

// keep queues evictions. It reports whether they are the first of an outage, and whether it is the first time in it
// that there are too many. The lock is not held while that is logged, for a handler is not ours.
func (q *queue) keep(keys []Key) (first, tooMany bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.keys == nil {
		q.keys = make(map[string]uint64)
	}
	q.failures++
	for _, key := range keys {
		q.keys[key.addr] = q.failures
	}
	if len(q.keys) > q.st.cfg.queue {
		tooMany, q.outage.overflowed = !q.outage.overflowed, true
		q.st.stats.overflows.Add(1)
		clear(q.keys)
		q.keys[q.st.everything.key.addr] = q.failures
	}
	q.n.Store(int64(len(q.keys)))
	q.st.stats.queued.Add(int64(len(keys)))
	if first = q.outage.began.IsZero() && len(q.keys) > 0; first {
		q.outage.began = time.Now()
	}
	q.outage.queued += int64(len(keys))
	if !q.replaying && len(q.keys) > 0 {
		q.replaying = q.st.start(&q.st.life.watch, "replay of evictions", q.replay)
	}
	return first, tooMany
}

// replay repeats the evictions until none is left or the store closes.
func (q *queue) replay() {
	pause := 10 * time.Millisecond
	for !q.done() {
		if q.attempt(q.st.life.background) > 0 {
			pause = 10 * time.Millisecond
			continue
		}
		if !sleep(q.st.life.background, pause/2+rand.N(pause)) {
			return
		}
		pause = min(2*pause, q.st.cfg.replayEvery)
	}
}

// done reports whether the queue is empty, and if so that replay is over; the next failure starts another.
func (q *queue) done() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.keys) == 0 {
		q.replaying = false
	}
	return !q.replaying
}

// attempt repeats one batch, and returns how many evictions were carried out.
func (q *queue) attempt(ctx context.Context) int {
	batch, calls := q.batch()
	_ = q.st.runTags(ctx, calls...)
	n, over := q.settled(batch, calls)
	if !over.began.IsZero() {
		q.st.cfg.log.Info("aside: the evictions that Redis could not be told of are carried out",
			"queued", over.queued, "replayed", over.replayed, "after", time.Since(over.began).Round(time.Millisecond))
	}
	return n
}

// settled removes the evictions that were carried out, and returns how many these are. If none is left it returns the
// outage, which is over then.
func (q *queue) settled(batch []uint64, calls []*call) (n int, over outage) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, c := range calls {
		if c.Err() != nil {
			continue
		}
		n++
		q.st.changed(c.Key)
		if q.keys[c.Key] == batch[i] {
			delete(q.keys, c.Key)
		}
	}
	q.n.Store(int64(len(q.keys)))
	q.st.stats.replayed.Add(int64(n))
	q.outage.replayed += int64(n)
	if len(q.keys) == 0 {
		over, q.outage = q.outage, outage{}
	}
	return n, over
}

func (q *queue) batch() (failures []uint64, calls []*call) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for addr, failure := range q.keys {
		if len(calls) == evictBatch {
			break
		}
		failures = append(failures, failure)
		calls = append(calls, &call{Script: evictScript, Key: addr, Args: []any{envelope.HoldPrefix()}})
	}
	return failures, calls
}

// flush tries once more when the store closes, and returns how many evictions are lost.
func (q *queue) flush() int {
	ctx, cancel := context.WithTimeout(context.Background(), q.st.cfg.drain)
	defer cancel()
	for !q.empty() && q.attempt(ctx) > 0 {
	}
	n := int(q.n.Load())
	if n > 0 {
		q.st.cfg.log.Error("aside: closed with evictions that did not reach Redis", "keys", n)
	}
	return n
}

// sleep reports false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
