package cacheable

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/flight"
	"github.com/jollyjet/aside/internal/tracing"
	"github.com/jollyjet/aside/store"
)

// part is one item of a batch that is to be loaded.
type part[K comparable, V any] struct {
	at    int // in the round
	job   *job[K, V]
	claim *entry.Lease // nil: nothing is stored
	early flight.Mark
}

// round is one round of the reads of several items.
type round[K comparable, V any] struct {
	m      *Many[K, V]
	jobs   []*job[K, V]
	rounds []*flight.Round
	done   func(int, outcome[V])
}

// batch returns what a round does. It claims what it can in one round trip, loads that with one call of the loader, and
// stores it in another round trip. Items that others are loading, and the odd cases, each go on as a read of one key.
func (m *Many[K, V]) batch(byKey map[store.Key]*item[K, V]) flight.Batch[store.Key, *result[V]] {
	return func(keys []store.Key, rounds []*flight.Round, done func(int, outcome[V])) {
		r := &round[K, V]{m: m, rounds: rounds, done: done}
		for _, key := range keys {
			r.jobs = append(r.jobs, &byKey[key].job)
		}
		ctx, cancel := m.space.Lifecycle().LoadContext(r.jobs[0].ctx, 0)
		defer cancel()
		p := &place{slots: m.slots}
		if !p.take(ctx) {
			for i, flight := range rounds {
				done(i, m.closing(flight))
			}
			return
		}
		if abandoned(rounds) {
			p.leave()
			for i := range rounds {
				done(i, outcome[V]{Err: errAbandoned})
			}
			return
		}
		parts, singles := r.claim(ctx)
		wait := r.startSingles(singles)
		r.load(ctx, p, parts)
		p.leave() // the singles may need it
		wait()
	}
}

// abandoned reports whether every caller of every key has left.
func abandoned(rounds []*flight.Round) bool {
	for _, r := range rounds {
		if !r.Abandoned() {
			return false
		}
	}
	return true
}

// claim answers what has appeared in the cache meanwhile, and sorts the others into what is to be loaded and what goes
// on by itself.
func (r *round[K, V]) claim(ctx context.Context) (parts []*part[K, V], singles []int) {
	var asked []int
	var refs []*entry.Ref
	var seen []entry.Entry
	for i, j := range r.jobs {
		if j.direct || j.seen.State == entry.Bypass {
			parts = append(parts, &part[K, V]{at: i, job: j})
			continue
		}
		asked, refs, seen = append(asked, i), append(refs, j.ref), append(seen, j.seen)
	}
	if len(asked) == 0 {
		return parts, nil
	}
	marks := make([]flight.Mark, len(asked))
	for n, i := range asked {
		marks[n] = r.rounds[i].Cover()
	}
	claims, views, errs := r.m.space.AcquireAll(ctx, refs, seen)
	for n, i := range asked {
		p := &part[K, V]{at: i, job: r.jobs[i], claim: claims[n]}
		switch {
		case errs[n] != nil:
			r.m.space.Count(entry.CountRedisError)
			parts = append(parts, p)
		case claims[n] != nil || views[n].State == entry.Bypass:
			parts = append(parts, p)
		default:
			if answer, ok := r.m.answer(r.jobs[i].ref, &views[n]); ok {
				r.done(i, outcome[V]{Value: answer, Mark: marks[n]})
			} else {
				singles = append(singles, i)
			}
		}
	}
	return parts, singles
}

// startSingles lets items go on as reads of one key, and returns how to wait for them.
func (r *round[K, V]) startSingles(singles []int) (wait func()) {
	var wg sync.WaitGroup
	for _, i := range singles {
		read := func() { r.done(i, r.jobs[i].read(r.rounds[i])) }
		wg.Add(1)
		if !r.m.space.Lifecycle().Load(func() { defer wg.Done(); read() }) {
			read()
			wg.Done()
		}
	}
	return wg.Wait
}

// load loads the parts, stores what is claimed, and answers.
func (r *round[K, V]) load(ctx context.Context, p *place, parts []*part[K, V]) {
	if len(parts) == 0 {
		return
	}
	for _, p := range parts {
		p.early = r.rounds[p.at].Cover()
	}
	results := r.m.loadParts(ctx, p, parts)
	late := make([]flight.Mark, len(parts))
	for i, p := range parts {
		late[i] = r.rounds[p.at].Cover()
	}
	pause := time.Duration(0)
	if r.m.maxStale > 0 {
		pause = failSafePause
	}
	confirmed := r.m.finishParts(context.WithoutCancel(ctx), parts, results, pause)
	for i, p := range parts {
		mark := p.early
		if confirmed[i] {
			mark = late[i]
		}
		if p.claim == nil {
			results[i].source = SourceBypass
		}
		r.done(p.at, outcome[V]{Value: results[i], Mark: mark})
	}
}

// finishParts stores the results of the parts that have claims, or gives the claims up; if a load failed nobody tries
// again before the pause is over. It reports what is confirmed.
func (m *Many[K, V]) finishParts(ctx context.Context, parts []*part[K, V], results []*result[V], pause time.Duration) []bool {
	confirmed := make([]bool, len(parts))
	var finishes []entry.Finish
	var of []int
	for i, p := range parts {
		if p.claim == nil {
			continue
		}
		f := entry.Finish{Lease: p.claim}
		if results[i].storable() {
			stored := m.stored(results[i])
			f.Contents = &stored
		} else if results[i].news() {
			f.Remove = true
		} else if results[i].failed() {
			f.Cooldown = pause
		}
		finishes, of = append(finishes, f), append(of, i)
	}
	if len(finishes) == 0 {
		return confirmed
	}
	found, err := m.space.FinishAll(ctx, finishes)
	if err != nil {
		m.space.Count(entry.CountRedisError)
	}
	for n, i := range of {
		confirmed[i] = found[n]
		if err == nil && !found[n] && finishes[n].Contents != nil {
			m.space.Count(entry.CountRefused)
		}
	}
	return confirmed
}

// loadParts calls the loader for the parts, keeping their leases meanwhile.
func (m *Many[K, V]) loadParts(ctx context.Context, p *place, parts []*part[K, V]) []*result[V] {
	size := len(parts)
	if m.maxBatch > 0 {
		size = m.maxBatch
	}
	results := make([]*result[V], 0, len(parts))
	for len(results) < len(parts) {
		chunk := parts[len(results):min(len(results)+size, len(parts))]
		if p.taken || p.take(ctx) {
			results = append(results, m.loadChunk(p, chunk, parts)...)
		} else {
			results = append(results, m.allFailed(chunk, m.notBegun())...)
		}
	}
	return results
}

// loadChunk calls the loader once. The leases of all parts are kept, also of those whose turn comes later.
func (m *Many[K, V]) loadChunk(p *place, chunk, all []*part[K, V]) []*result[V] {
	ctx, cancel := m.space.Lifecycle().LoadContext(chunk[0].job.ctx, m.hardTimeout)
	defer cancel()
	ctx, load := m.space.StartLoad(ctx, causeOf(chunk), len(chunk))
	var loaded []*result[V]
	work := flight.Guard(func() { loaded = m.call(ctx, chunk) })
	var claims []*entry.Lease
	for _, one := range all {
		if one.claim != nil {
			claims = append(claims, one.claim)
		}
	}
	m.space.RenewAll(ctx, claims, work.Done())
	var err error
	select {
	case <-work.Done():
		if err = work.Err(); err == nil {
			if !loaded[0].absent { // that a key does not exist is no error of the load
				err = loaded[0].err
			}
			load.End(err, false)
			return loaded
		}
	case <-ctx.Done(): // a load that ignores that goes on loading the source
		leave := p.handOver()
		go func() { <-work.Done(); leave() }()
		err = m.ended(ctx)
	}
	load.End(err, false)
	return m.allFailed(chunk, err)
}

// causeOf is the cause of a load of several: they differ only in whether they bypass the cache.
func causeOf[K comparable, V any](chunk []*part[K, V]) string {
	if chunk[0].claim == nil {
		return cmp.Or(chunk[0].job.cause, tracing.CauseBypass)
	}
	return cmp.Or(chunk[0].job.cause, tracing.CauseMiss)
}

// call calls the user's functions, in the loader's goroutine.
func (m *Many[K, V]) call(ctx context.Context, chunk []*part[K, V]) []*result[V] {
	keys := make([]K, len(chunk))
	for i, p := range chunk {
		keys[i] = p.job.key
	}
	began := time.Now()
	values, err := m.loadAll(ctx, keys)
	if err != nil {
		return m.allFailed(chunk, err)
	}
	results := make([]*result[V], len(chunk))
	for i, p := range chunk {
		r := &result[V]{cost: time.Since(began)}
		if v, ok := values[p.job.key]; ok {
			r.value = v
			p.job.encode(r)
		} else {
			r.err, r.absent, r.negative = ErrNotFound, true, m.notFound != nil
		}
		results[i] = r
	}
	return results
}

func (m *Many[K, V]) allFailed(chunk []*part[K, V], err error) []*result[V] {
	results := make([]*result[V], len(chunk))
	for i := range chunk {
		results[i] = &result[V]{err: err}
	}
	m.countLoad(results[0])
	return results
}
