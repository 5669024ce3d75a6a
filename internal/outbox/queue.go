package outbox

import (
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/tagversion"
	"github.com/jollyjet/aside/internal/wire"
)

// Batch is how many keys are evicted in one round trip.
const Batch = tagversion.Batch

// Eviction is what is kept of an eviction besides its key.
type Eviction struct {
	Until time.Time      // the key is to be held until then; zero if it is not
	Token envelope.Token // of the hold that it ends, or leaves for that time; zero if there is none

	// Together: what it evicts and what others evict that wait may rest on each other. Such evictions stay in the queue, also
	// when they were carried out once, until all are carried out together.
	Together bool
}

// after is an eviction that comes after another one of the same key: the longer hold counts.
func (e Eviction) after(earlier Eviction) Eviction {
	if earlier.Until.After(e.Until) {
		e.Until = earlier.Until
	}
	if e.Token == (envelope.Token{}) {
		e.Token = earlier.Token
	}
	e.Together = e.Together || earlier.Together
	return e
}

// waiting is an eviction in the queue.
type waiting struct {
	number    uint64 // tells it from a later one of the same key
	delivered bool   // once, but not together with the others
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
		addr, e.Token, e.Together = q.cfg.Everything, envelope.Token{}, false
	}
	q.keys[addr] = waiting{number: q.number, Eviction: e.after(q.keys[addr].Eviction)}
	q.outage.queued++
}

// renew makes every eviction a later one: what is under way with it does not settle it any more. All are to be carried out
// together.
func (q *queue) renew() {
	q.number++
	for addr, w := range q.keys {
		w.Together = true
		q.keys[addr] = waiting{number: q.number, Eviction: w.Eviction}
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
	q.keys[q.cfg.Everything] = waiting{number: q.number, Eviction: all}
	q.outage.coarse = true
	return true
}

// repetition is an eviction that is repeated.
type repetition struct {
	addr string
	waiting
}

// due returns what is to be repeated now: in batches what stands alone, and the others together. These are those that were
// never carried out, and all when none of those is left; whole says that it is all.
func (q *queue) due() (batches [][]repetition, together []repetition, whole bool) {
	var alone, all []repetition
	for addr, w := range q.keys {
		r := repetition{addr, w}
		if !w.Together {
			alone = append(alone, r)
			continue
		}
		if all = append(all, r); !w.delivered {
			together = append(together, r)
		}
	}
	if len(together) == 0 {
		together = all
	}
	return slices.Collect(slices.Chunk(alone, Batch)), together, len(together) == len(all)
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

// mark notes whether an eviction was carried out once, unless it was queued once more meanwhile. It reports whether that is
// new.
func (q *queue) mark(r repetition, delivered bool) bool {
	w, ok := q.keys[r.addr]
	if !ok || w.number != r.number || w.delivered == delivered {
		return false
	}
	w.delivered = delivered
	q.keys[r.addr] = w
	return delivered
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
