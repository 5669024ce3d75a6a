package outbox

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/wire"
)

// Outbox is safe for concurrent use.
type Outbox struct {
	cfg       Config
	n         atomic.Int64  // number of keys in the queue, so that reads need no lock while there are none; written under mu
	dataEpoch atomic.Uint64 // incremented each time Redis may have lost writes; written under mu
	wake      chan struct{} // receives when a master has just answered, so that there is no need to wait
	file      file

	mu        sync.Mutex
	queue     queue   // under mu
	history   history // under mu
	replaying bool    // under mu
	resumed   bool    // evictions are repeated from now on; under mu

	queued, replayed, overflows, recalled atomic.Int64
}

// New returns an empty outbox. What [Outbox.Open] finds is not repeated before [Outbox.Resume].
func New(cfg Config) *Outbox {
	o := &Outbox{cfg: cfg, wake: make(chan struct{}, 1)}
	o.file.cfg, o.queue.cfg, o.history.cfg = &o.cfg, &o.cfg, &o.cfg
	o.file.wake = make(chan struct{}, 1)
	return o
}

// Empty reports whether no eviction waits. It costs one atomic load.
func (o *Outbox) Empty() bool { return o.n.Load() == 0 }

// Len is how many evictions wait.
func (o *Outbox) Len() int64 { return o.n.Load() }

// DataEpoch is incremented each time Redis may have lost writes. What was read under an older epoch is to be discarded.
func (o *Outbox) DataEpoch() uint64 { return o.dataEpoch.Load() }

// Has reports whether an eviction of the Redis key waits.
func (o *Outbox) Has(addr string) bool {
	if o.Empty() {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	_, ok := o.queue.keys[addr]
	return ok
}

// Wake says that a master has just answered.
func (o *Outbox) Wake() { pause.Wake(o.wake) }

// Failed queues evictions, so many of those that were tried, that were not carried out, because of cause. It returns an
// error that says so.
func (o *Outbox) Failed(lost []keyspace.Key, of int, e Eviction, cause error) error {
	o.Add(e, cause, lost...)
	if o.cfg.Life.Closed() {
		return fmt.Errorf("%w: %d evictions not delivered: %w", lifecycle.ErrClosed, len(lost), cause)
	}
	return fmt.Errorf("%w: %d of %d keys: %w", ErrQueued, len(lost), of, cause)
}

// Add queues evictions that failed because of cause, and has them repeated.
func (o *Outbox) Add(e Eviction, cause error, keys ...keyspace.Key) {
	first, coarse := o.add(keys, e)
	if len(keys) > 0 {
		o.keep()
	}
	if first && !o.cfg.Life.Closed() {
		o.cfg.Log.Warn("aside: Redis could not be told of evictions; they are repeated until it is, and this node does not read those keys from Redis meanwhile",
			"keys", len(keys), "cause", cause)
	}
	o.complain(coarse)
}

// add reports whether the evictions are the first of an outage, and whether it is now that they become one of everything.
func (o *Outbox) add(keys []keyspace.Key, e Eviction) (first, coarse bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	first = o.queue.outage.began.IsZero() && len(keys) > 0
	addrs := make([]string, len(keys))
	o.queue.number++
	for i, key := range keys {
		addrs[i] = key.Addr()
		o.queue.put(key.Addr(), e)
	}
	o.queued.Add(int64(len(keys)))
	return first, o.commit(addrs)
}

// commit comes after puts of the keys: it notes them for the journal and starts to repeat them. The caller holds mu. It
// reports whether it is now that all evictions become one of everything.
func (o *Outbox) commit(addrs []string) (coarse bool) {
	if o.begin() {
		o.file.rewrite(&o.queue)
		return true
	}
	o.file.record(&o.queue, addrs)
	return false
}

// Confirmed records evictions that Redis has carried out, in an epoch that was read before they were sent. If another
// has begun since, they may be undone already, and are queued.
func (o *Outbox) Confirmed(keys []keyspace.Key, calls []*wire.Call, epoch uint64, e Eviction) {
	o.mu.Lock()
	defer o.mu.Unlock()
	undone := epoch != o.dataEpoch.Load()
	var changed []string
	for i, key := range keys {
		switch {
		case calls[i].Err() != nil:
		case undone:
			if changed == nil {
				o.queue.number++
			}
			changed, e.Together = append(changed, key.Addr()), true
			o.queue.put(key.Addr(), e)
		default:
			o.history.add(key.Addr(), e)
		}
	}
	if undone {
		o.recalled.Add(int64(len(changed)))
		o.commit(changed)
		pause.Wake(o.file.wake)
	}
}

// Reviewed is called when all masters were found to be well at a moment. What was confirmed long before that is durable by
// now; while a master is away nothing is forgotten.
func (o *Outbox) Reviewed(well time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.history.forget(well.Add(-o.cfg.Remember))
}

// Any reports whether there are evictions that wait, or that are remembered.
func (o *Outbox) Any() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue.keys)+o.history.n > 0
}

// Recall begins a new epoch and queues the evictions that Redis may have undone: those that are remembered, or everything.
// What is queued already has to be carried out by the Redis of now. It returns how many confirmed evictions are repeated.
func (o *Outbox) Recall() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dataEpoch.Add(1)
	o.history.take(func(addr string, e Eviction) {
		o.queue.put(addr, e)
		n++
	})
	if o.cfg.Distrust {
		o.queue.put(o.cfg.Everything, Eviction{})
		n++
	}
	o.queue.renew()
	o.recalled.Add(int64(n))
	o.begin()
	o.file.rewrite(&o.queue)
	return n
}

// Journaled reports whether there is a journal, and it has on the disk what is left for the next process.
func (o *Outbox) Journaled() bool { return o.file.journal != nil && o.file.trouble() == "" }

func (o *Outbox) complain(coarse bool) {
	if coarse {
		o.cfg.Log.Error("aside: too many evictions queued, or for too long: everything will be evicted",
			"limit", o.cfg.Limit, "age", o.cfg.Age)
	}
}
