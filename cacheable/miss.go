package cacheable

import (
	"context"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/flight"
	"github.com/jollyjet/aside/internal/tracing"
	"github.com/jollyjet/aside/internal/tracking"
)

// maxUnreadable bounds how often a round reads an entry again that it can't use, before it loads directly.
const maxUnreadable = 3

// read is one round of work on a key that the cache did not answer. It loads under a lease, waits for the process that
// has the lease, or loads directly. The mark of its outcome covers the callers who came before the moment as of which
// the value is known to be current.
func (l *loader[K, V]) read(req *request[K], round *flight.Round) outcome[V] {
	req.round = round
	ctx, cancel := l.cache.Lifecycle().LoadContext(req.ctx, 0)
	defer cancel()
	defer req.slot.release()
	if !req.slot.acquire(ctx) {
		return l.closing(round)
	}
	if req.direct || req.found.State == entry.Bypass || l.entries.unstorable.pauses(req.ref.Key) {
		return l.runDirect(req, round)
	}
	m := &miss[K, V]{l: l, req: req, round: round, found: req.found}
	defer func() { m.stopWaiting(ctx.Err()) }()
	return m.resolve(ctx)
}

// miss is the state of a round. It belongs to one goroutine.
type miss[K comparable, V any] struct {
	l          *loader[K, V]
	req        *request[K]
	round      *flight.Round
	found      entry.Entry     // the entry that was read last
	unreadable int             // how often the entry could not be used
	watch      *tracking.Watch // of the entry; nil before another process was found to load it
	trace      tracing.Span    // of the wait for that process
}

// resolve takes the lease and loads, or returns what another process has stored.
func (m *miss[K, V]) resolve(ctx context.Context) outcome[V] {
	for m.unreadable < maxUnreadable {
		if m.round.Abandoned() {
			return outcome[V]{Err: errAbandoned}
		}
		mark := m.round.Cover()
		lease, found, err := m.acquire(ctx)
		if err != nil {
			m.l.cache.Count(entry.CountRedisError)
			break
		}
		if lease != nil {
			m.trace.End(nil)
			return m.l.runLeased(ctx, m.req, &m.found, m.round, lease)
		}
		if r, ok := m.l.entries.answer(m.req.ref, &found); ok {
			return outcome[V]{Value: r, Mark: mark}
		}
		if found.State == entry.Leased {
			if !m.wait(ctx, found) {
				return m.l.closing(m.round)
			}
		} else if r := m.reconsider(found); r != nil {
			return outcome[V]{Value: r, Mark: mark}
		}
	}
	m.trace.End(nil)
	return m.l.runDirect(m.req, m.round)
}

// acquire takes the lease of the key, or of the stale version that was read last.
func (m *miss[K, V]) acquire(ctx context.Context) (*entry.Lease, entry.Entry, error) {
	cache, ref := m.l.cache, m.req.ref
	switch {
	case m.found.State == entry.Stale:
		return cache.AcquireStale(ctx, ref, m.found, m.l.failSafe.fallback(m.req.key, &m.found) != nil)
	case m.l.entries.size.refusedLast(ref.Key):
		return cache.Overtake(ctx, ref, m.found)
	default:
		return cache.Acquire(ctx, ref, m.found)
	}
}

// wait waits for the process that has the lease. Its first call only begins to watch the entry: a change before that
// would be missed, so the entry has to be read again. The slot is free meanwhile. It reports false if the store closes.
func (m *miss[K, V]) wait(ctx context.Context, leased entry.Entry) bool {
	if m.watch == nil {
		m.watch = m.l.cache.Watch(m.req.ref, &leased)
		m.l.cache.Count(entry.CountWait)
		_, m.trace = m.l.cache.TraceWait(ctx)
		return true
	}
	m.req.slot.release()
	m.watch.Wait(ctx, leased.LeaseLeft())
	return m.req.slot.acquire(ctx)
}

func (m *miss[K, V]) stopWaiting(err error) {
	m.trace.End(err)
	if m.watch != nil {
		m.watch.Stop()
	}
}

// reconsider decides what follows when there was neither a lease nor an answer. It returns a stale answer if the lease
// of a stale version was refused: a load has failed, and it is too early for another.
func (m *miss[K, V]) reconsider(found entry.Entry) *result[V] {
	switch found.State {
	case entry.Stale:
		switch {
		case m.found.State != entry.Stale:
		case m.found.Token() != found.Token(): // expired once more, which says nothing of loads
			m.unreadable++
		default:
			if r := m.l.failSafe.fallback(m.req.key, &found).now(); r != nil {
				m.l.failSafe.coolDown(m.req.ref.Key, found.Token(), found.Cooldown())
				return r
			}
			m.unreadable++ // it has just become too old
		}
		m.found = found
	case entry.Invalid, entry.Absent:
		m.found = found
		m.unreadable++
	default:
		m.unreadable = maxUnreadable
	}
	return nil
}
