package cacheable

import (
	"context"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/flight"
	"github.com/jollyjet/aside/store"
)

// read returns the work on keys that the cache did not answer. It takes their leases in one round trip, loads with one
// call of the loader, and stores in another round trip. Keys that other processes are loading, and the odd cases, each
// continue as a read of one key.
func (b *batchLoader[K, V]) read(requestOf func(store.Key) *request[K]) flight.Batch[store.Key, *result[V]] {
	return func(keys []store.Key, rounds []*flight.Round, done func(int, outcome[V])) {
		m := &manyMiss[K, V]{b: b, rounds: rounds, done: done}
		for i, key := range keys {
			req := requestOf(key)
			req.round = rounds[i]
			m.requests = append(m.requests, req)
		}
		m.resolve()
	}
}

// manyMiss is one round of work on several keys. Slices are indexed alike.
type manyMiss[K comparable, V any] struct {
	b        *batchLoader[K, V]
	requests []*request[K]
	rounds   []*flight.Round
	done     func(int, outcome[V]) // safe for concurrent use
}

// resolve calls done for each key.
func (m *manyMiss[K, V]) resolve() {
	ctx, cancel := m.b.cache.Lifecycle().LoadContext(m.requests[0].ctx, 0)
	defer cancel()
	slot := m.b.slots.slot()
	if !slot.acquire(ctx) {
		for i, round := range m.rounds {
			m.done(i, m.b.closing(round))
		}
		return
	}
	if m.abandoned() {
		slot.release()
		for i := range m.rounds {
			m.done(i, outcome[V]{Err: errAbandoned})
		}
		return
	}
	loads, singles := m.takeLeases(ctx)
	wait := m.startSingles(singles)
	m.load(ctx, &slot, loads)
	slot.release() // the single reads may need it
	wait()
}

// abandoned reports whether every caller of every key has left.
func (m *manyMiss[K, V]) abandoned() bool {
	for _, round := range m.rounds {
		if !round.Abandoned() {
			return false
		}
	}
	return true
}

// manyLoads are the keys of a round that are loaded together.
type manyLoads[K comparable] struct {
	loads []batchLoad[K]
	of    []int // the index in the round of each load
}

func (l *manyLoads[K]) add(i int, req *request[K], lease *entry.Lease) {
	l.loads, l.of = append(l.loads, batchLoad[K]{req, lease}), append(l.of, i)
}

// takeLeases answers the keys that have appeared in the cache meanwhile. It sorts the others into those that are to be
// loaded together, and those that continue as single reads.
func (m *manyMiss[K, V]) takeLeases(ctx context.Context) (together manyLoads[K], singles []int) {
	var asked []int
	var refs []*entry.Ref
	var found []entry.Entry
	for i, req := range m.requests {
		if req.direct || req.found.State == entry.Bypass || m.b.entries.unstorable.pauses(req.ref.Key) {
			together.add(i, req, nil)
			continue
		}
		asked, refs, found = append(asked, i), append(refs, req.ref), append(found, req.found)
	}
	if len(asked) == 0 {
		return together, nil
	}
	marks := make([]flight.Mark, len(asked))
	for n, i := range asked {
		marks[n] = m.rounds[i].Cover()
	}
	canFallBack := func(n int) bool { return m.b.failSafe.fallback(m.requests[asked[n]].key, &found[n]) != nil }
	leases, now, errs := m.b.cache.AcquireAll(ctx, refs, found, canFallBack)
	for n, i := range asked {
		switch {
		case errs[n] != nil:
			m.b.cache.Count(entry.CountRedisError)
			together.add(i, m.requests[i], leases[n])
		case leases[n] != nil || now[n].State == entry.Bypass:
			together.add(i, m.requests[i], leases[n])
		default:
			if answer, ok := m.b.entries.answer(m.requests[i].ref, &now[n]); ok {
				m.done(i, outcome[V]{Value: answer, Mark: marks[n]})
			} else {
				singles = append(singles, i)
			}
		}
	}
	return together, singles
}

// startSingles lets keys continue as reads of one key, and returns how to wait for them.
func (m *manyMiss[K, V]) startSingles(singles []int) (wait func()) {
	var wg sync.WaitGroup
	for _, i := range singles {
		read := func() { m.done(i, m.b.loader.read(m.requests[i], m.rounds[i])) }
		wg.Add(1)
		if !m.b.cache.Lifecycle().Load(func() { defer wg.Done(); read() }) {
			read()
			wg.Done()
		}
	}
	return wg.Wait
}

// load loads keys together, stores the values that have leases, and answers. See loader.runLeased on the marks.
func (m *manyMiss[K, V]) load(ctx context.Context, slot *slot, together manyLoads[K]) {
	if len(together.loads) == 0 {
		return
	}
	early := m.cover(together.of)
	results := m.b.runAll(ctx, slot, together.loads, "")
	late := m.cover(together.of)
	stood := m.b.finishAll(context.WithoutCancel(ctx), together.loads, results, func(n int) time.Duration {
		if !results[n].failed() {
			return 0
		}
		return m.b.failSafe.pause()
	})
	for n, i := range together.of {
		mark := early[n]
		if stood[n] {
			mark = late[n]
		}
		if together.loads[n].lease == nil {
			results[n].source = SourceBypass
		}
		m.done(i, outcome[V]{Value: results[n], Mark: mark})
	}
}

func (m *manyMiss[K, V]) cover(of []int) []flight.Mark {
	marks := make([]flight.Mark, len(of))
	for n, i := range of {
		marks[n] = m.rounds[i].Cover()
	}
	return marks
}
