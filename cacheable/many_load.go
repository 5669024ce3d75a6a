package cacheable

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/flight"
	"github.com/jollyjet/aside/internal/tracing"
)

// batchLoader loads several values with one call of the user's loader, and stores them together. It is immutable.
type batchLoader[K comparable, V any] struct {
	*loader[K, V]
	loadAll  func(context.Context, []K) (map[K]V, error)
	maxBatch int // 0 is no bound
}

// batchLoad is one key that is to be loaded.
type batchLoad[K comparable] struct {
	*request[K]
	lease *entry.Lease // nil if the value is not to be stored
}

// runAll loads values, and renews all leases meanwhile. It takes the slot if it is not held. The cause is that of the
// batch; if it is empty it depends on whether there is a lease.
func (b *batchLoader[K, V]) runAll(ctx context.Context, slot *slot, loads []batchLoad[K], cause string) []*result[V] {
	results := make([]*result[V], 0, len(loads))
	for chunk := range slices.Chunk(loads, b.size(len(loads))) {
		if slot.acquire(ctx) {
			results = append(results, b.runChunk(slot, chunk, loads, cause)...)
		} else {
			results = append(results, b.allFailed(chunk, b.notStarted())...)
		}
	}
	return results
}

// size is how many of n keys one call of the loader gets. It is never 0.
func (b *batchLoader[K, V]) size(n int) int { return cmp.Or(b.maxBatch, n, 1) }

// runChunk calls the loader once. It renews the leases of all loads, including those whose turn comes later.
func (b *batchLoader[K, V]) runChunk(slot *slot, chunk, all []batchLoad[K], cause string) []*result[V] {
	ctx, cancel := b.timeouts.loading(chunk[0].ctx)
	defer cancel()
	ctx, trace := b.cache.StartLoad(ctx, cmp.Or(cause, causeOf(chunk)), len(chunk))
	var loaded []*result[V]
	work := flight.Guard(func() { loaded = b.callAll(ctx, chunk) })
	b.keep(ctx, work.Done(), all...)
	var err error
	select {
	case <-work.Done():
		if err = work.Err(); err == nil {
			for _, r := range loaded {
				r.derived = trace.FromStale()
			}
			if !loaded[0].absent { // that a key does not exist is no error of the load
				err = loaded[0].err
			}
			trace.End(err, false)
			return loaded
		}
	case <-ctx.Done(): // a loader that ignores that still loads the source
		release := slot.handOver()
		go func() { <-work.Done(); release() }()
		err = b.timeouts.exceeded(ctx)
	}
	trace.End(err, false)
	return b.allFailed(chunk, err)
}

// causeOf is the cause of a batch that is loaded for reads: that of its first load.
func causeOf[K comparable](chunk []batchLoad[K]) string {
	if chunk[0].lease == nil {
		return tracing.CauseBypass
	}
	return tracing.CauseMiss
}

func leasesOf[K comparable](loads []batchLoad[K]) (leases []*entry.Lease) {
	for _, load := range loads {
		if load.lease != nil {
			leases = append(leases, load.lease)
		}
	}
	return leases
}

// callAll calls the user's functions, in the goroutine of the load.
func (b *batchLoader[K, V]) callAll(ctx context.Context, chunk []batchLoad[K]) []*result[V] {
	keys := make([]K, len(chunk))
	for i, load := range chunk {
		keys[i] = load.key
	}
	began := time.Now()
	values, err := b.loadAll(ctx, keys)
	if err != nil {
		return b.allFailed(chunk, err)
	}
	results := make([]*result[V], len(chunk))
	for i, load := range chunk {
		r := &result[V]{cost: time.Since(began)}
		if v, ok := values[load.key]; ok {
			r.value = v
			b.entries.encodeLoaded(load.key, load.ref, r)
		} else {
			r.err, r.absent, r.negative = ErrNotFound, true, b.entries.notFound.accept != nil
		}
		results[i] = r
	}
	return results
}

func (b *batchLoader[K, V]) allFailed(chunk []batchLoad[K], err error) []*result[V] {
	results := make([]*result[V], len(chunk))
	for i := range chunk {
		results[i] = &result[V]{err: err}
	}
	b.count(results[0])
	return results
}

// finishAll stores the results of the loads that have leases, or gives the leases up. What is neither
// stored nor absent is in cooldown for what pause says of each, if anything. It reports which leases still stood.
func (b *batchLoader[K, V]) finishAll(ctx context.Context, loads []batchLoad[K], results []*result[V], pause func(n int) time.Duration) []bool {
	stood := make([]bool, len(loads))
	var finishes []entry.Finish
	var of []int
	for i, load := range loads {
		if load.lease == nil {
			continue
		}
		f := entry.Finish{Lease: load.lease}
		switch r := results[i]; {
		case r.storable():
			entry := b.entries.loaded(r)
			f.Contents = &entry
		case r.answered() && !r.derived:
			f.Remove = true
		default:
			f.Cooldown = pause(i)
		}
		finishes, of = append(finishes, f), append(of, i)
	}
	if len(finishes) == 0 {
		return stood
	}
	confirmed, err := b.cache.FinishAll(ctx, finishes)
	if err != nil {
		b.cache.Count(entry.CountRedisError)
	}
	for n, i := range of {
		stood[i] = confirmed[n]
		if err == nil && !confirmed[n] && finishes[n].Contents != nil {
			b.cache.Count(entry.CountRefused)
		}
	}
	return stood
}
