package outbox

import (
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/wire"
)

// Batch is how many keys are evicted in one round trip.
const Batch = 512

// Eviction is what is kept of an eviction besides its key.
type Eviction struct {
	Until time.Time      // the key is to be held until then; zero if it is not
	Token envelope.Token // of the hold that it ends, or leaves for that time; zero if there is none
}

// after is an eviction that comes after another one of the same key: the longer hold counts.
func (e Eviction) after(earlier Eviction) Eviction {
	if earlier.Until.After(e.Until) {
		e.Until = earlier.Until
	}
	if e.Token == (envelope.Token{}) {
		e.Token = earlier.Token
	}
	return e
}

// waiting is an eviction in the queue.
type waiting struct {
	number uint64 // tells it from a later one of the same key
	Eviction
}

// outage is the time from the first eviction that is queued until none is left. It is logged once.
type outage struct {
	began            time.Time // zero if there is none; later than it was by the time in which no process ran
	queued, replayed int64
	coarse           bool // one eviction, of everything, stands for all
}

// waited is how long the outage has lasted, without the time in which no process ran.
func (o *outage) waited() time.Duration {
	if o.began.IsZero() {
		return 0
	}
	return time.Since(o.began)
}

// queue holds what waits. The outbox's mu guards it.
type queue struct {
	cfg    *Config
	keys   map[string]waiting
	number uint64 // of the last failure
	outage outage
}

// put queues one eviction. Where everything is to be evicted in any case, it is everything once more.
func (q *queue) put(addr string, e Eviction) {
	if q.keys == nil {
		q.keys = make(map[string]waiting)
	}
	if q.outage.coarse {
		addr, e.Token = q.cfg.Everything, envelope.Token{}
	}
	q.keys[addr] = waiting{q.number, e.after(q.keys[addr].Eviction)}
	q.outage.queued++
}

// renumber makes every eviction a later one: what is under way with it does not settle it any more.
func (q *queue) renumber() {
	q.number++
	for addr, w := range q.keys {
		q.keys[addr] = waiting{q.number, w.Eviction}
	}
}

// coarsen replaces all evictions by one of everything, which is held for as long as any of them was to be, if they are too
// many to be kept one by one, or have waited for too long. It reports whether it did.
func (q *queue) coarsen() bool {
	few := len(q.keys) <= q.cfg.Limit && q.outage.waited() <= q.cfg.Age
	if q.outage.coarse || few || len(q.keys) == 0 {
		return false
	}
	var all Eviction
	for _, w := range q.keys {
		all = Eviction{Until: w.Until}.after(all)
	}
	q.number++
	clear(q.keys)
	q.keys[q.cfg.Everything] = waiting{q.number, all}
	q.outage.coarse = true
	return true
}

// repetition is an eviction that is repeated.
type repetition struct {
	addr string
	waiting
}

func (q *queue) batches() [][]repetition {
	all := make([]repetition, 0, len(q.keys))
	for addr, w := range q.keys {
		all = append(all, repetition{addr, w})
	}
	return slices.Collect(slices.Chunk(all, Batch))
}

// remove takes an eviction out that was carried out, unless it was queued once more meanwhile. It reports whether it did.
func (q *queue) remove(r repetition) bool {
	w, ok := q.keys[r.addr]
	if !ok || w.number != r.number {
		return false
	}
	delete(q.keys, r.addr)
	return true
}

// call evicts the key, and ends the hold that the eviction was to end. A hold that is to stay stays for the time that is
// left.
func (r repetition) call() *wire.Call {
	token := r.Token
	if token == (envelope.Token{}) {
		token = envelope.NewToken()
	}
	left := max(0, time.Until(r.Until).Milliseconds())
	return &wire.Call{Script: lua.Unhold, Key: r.addr, Args: []any{envelope.HoldPrefix(), token[:], left, []byte{}, 0}}
}
