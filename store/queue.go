package store

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/journal"
)

// queue holds the evictions that are still to be carried out: those that did not reach Redis, and those that did but may
// have been undone since. As long as a key is in here, this node does not read it from Redis. Entries and tags are evicted
// by the same script, so all that is to be remembered of an eviction is its key and until when it holds it; and repeating
// one does no harm.
type queue struct {
	st    *Store
	n     atomic.Int64  // number of keys, so that reads need no lock while there are none
	epoch atomic.Uint64 // begins anew when Redis may have come back with older data
	wake  chan struct{} // receives when a master has just answered, so that there is no need to wait

	journal    *journal.Journal // nil: there is none
	complained atomic.Bool      // that it can't be written

	mu        sync.Mutex
	keys      map[string]waiting
	failures  uint64
	done      memory
	replaying bool
	outage    outage
}

// eviction is what is to be remembered of one, besides its key.
type eviction struct {
	until time.Time      // the key is to be held until then; zero if it is not
	token envelope.Token // of the hold that it ends, or leaves for that time; zero if there is none
}

// after is an eviction that comes after another one of the same key: the longer hold counts.
func (e eviction) after(earlier eviction) eviction {
	if earlier.until.After(e.until) {
		e.until = earlier.until
	}
	if e.token == (envelope.Token{}) {
		e.token = earlier.token
	}
	return e
}

// waiting is an eviction in the queue.
type waiting struct {
	failure uint64 // tells it from a later one of the same key
	eviction
}

// outage is the time from the first eviction that is queued until none is left, which is logged once.
type outage struct {
	began            time.Time // zero if there is none
	queued, replayed int64
	coarse           bool // there is but one eviction, of everything
}

func (q *queue) init(st *Store) { q.st, q.wake = st, make(chan struct{}, 1) }

func (q *queue) empty() bool { return q.n.Load() == 0 }

func (q *queue) has(addr string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, ok := q.keys[addr]
	return ok
}

// failed queues the evictions whose calls were not carried out, because of cause.
func (q *queue) failed(keys []Key, calls []*call, e eviction, cause error) error {
	var lost []Key
	for i, c := range calls {
		if c.Err() != nil {
			lost = append(lost, keys[i])
		}
	}
	q.add(e, cause, lost...)
	if q.st.life.closed.Load() {
		return fmt.Errorf("%w: %d evictions not delivered", ErrClosed, len(lost))
	}
	return fmt.Errorf("%w: %d of %d keys: %w", ErrQueued, len(lost), len(keys), cause)
}

// add queues evictions that failed because of cause, and sees to it that they are repeated.
func (q *queue) add(e eviction, cause error, keys ...Key) {
	first, coarse := q.keep(keys, e)
	if len(keys) > 0 {
		q.sync()
	}
	if first && !q.st.life.closed.Load() {
		q.st.cfg.log.Warn("aside: Redis could not be told of evictions; they are repeated until it is, and this node does not read those keys from Redis meanwhile",
			"keys", len(keys), "cause", cause)
	}
	q.complain(coarse)
}

// keep queues evictions that failed. It reports whether they are the first of an outage, and whether it is the first time
// in it that they can't be kept one by one. The lock is not held while that is logged, for a handler is not ours.
func (q *queue) keep(keys []Key, e eviction) (first, coarse bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first = q.outage.began.IsZero() && len(keys) > 0
	addrs := make([]string, len(keys))
	q.failures++
	for i, key := range keys {
		addrs[i] = key.addr
		q.put(key.addr, e)
	}
	q.st.stats.queued.Add(int64(len(keys)))
	return first, q.kept(addrs)
}

// put queues one eviction, with mu held. When everything is to be evicted in any case, then it is once more.
func (q *queue) put(addr string, e eviction) {
	if q.keys == nil {
		q.keys = make(map[string]waiting)
	}
	if q.outage.coarse {
		addr, e.token = q.st.everything.key.addr, envelope.Token{}
	}
	q.keys[addr] = waiting{q.failures, e.after(q.keys[addr].eviction)}
	q.outage.queued++
}

// kept comes after puts of the keys, with mu held. It reports whether it is the first time in this outage that they can't
// be kept one by one.
func (q *queue) kept(addrs []string) (coarse bool) {
	if q.begin() {
		q.rewrite()
		return true
	}
	q.record(addrs)
	return false
}

// keptAll is kept after a change of all that waits.
func (q *queue) keptAll() {
	q.begin()
	q.rewrite()
}

// begin sees to it that what waits is carried out, one by one or all at once.
func (q *queue) begin() (coarse bool) {
	if len(q.keys) == 0 {
		return false
	}
	if q.outage.began.IsZero() {
		q.outage.began = time.Now()
	}
	coarse = q.coarsen()
	q.n.Store(int64(len(q.keys)))
	if !q.replaying {
		q.replaying = q.st.start(&q.st.life.watch, "replay of evictions", q.replay)
	}
	return coarse
}

// coarsen replaces all evictions by one of everything, which is held for as long as any of them was to be, if there are too
// many to be kept one by one, or for too long. It reports whether it did.
func (q *queue) coarsen() bool {
	few := len(q.keys) <= q.st.cfg.queue && time.Since(q.outage.began) <= q.st.cfg.queueAge
	if q.outage.coarse || few || len(q.keys) == 0 {
		return false
	}
	var all eviction
	for _, w := range q.keys {
		all = eviction{until: w.until}.after(all)
	}
	q.failures++
	clear(q.keys)
	q.keys[q.st.everything.key.addr] = waiting{q.failures, all}
	q.n.Store(1)
	q.outage.coarse = true
	q.st.stats.overflows.Add(1)
	return true
}

func (q *queue) complain(coarse bool) {
	if coarse {
		q.st.cfg.log.Error("aside: too many evictions queued, or for too long: everything will be evicted",
			"limit", q.st.cfg.queue, "age", q.st.cfg.queueAge)
	}
}

// gauges are for how long evictions have been waiting without a pause, and how many confirmed ones are remembered.
func (q *queue) gauges() (pendingFor time.Duration, remembered int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.outage.began.IsZero() {
		pendingFor = time.Since(q.outage.began)
	}
	return pendingFor, int64(q.done.n)
}
