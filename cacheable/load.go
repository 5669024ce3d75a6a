package cacheable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/flight"
	"github.com/jollyjet/aside/internal/tracing"
	"github.com/jollyjet/aside/store"
)

// request is a key that a caller asks for.
type request[K comparable] struct {
	ctx    context.Context //nolint:containedctx // the caller's, for its values
	key    K
	ref    *entry.Ref    // nil if nothing is going to be stored
	found  entry.Entry   // the entry that the caller found
	direct bool          // Redis did not answer the caller
	slot   slot          // of the load
	round  *flight.Round // of the callers that the load is for; nil for one that is kept without any
}

type outcome[V any] = flight.Outcome[*result[V]]

// loader runs the user's loader, with a lease where there is one, and stores the results. It is immutable, but for what
// its parts guard.
type loader[K comparable, V any] struct {
	cache    *entry.Cache
	load     Func[K, V]
	reloads  reloader[K, V]
	entries  *entries[K, V]
	failSafe *failSafe[K, V]
	timeouts *timeouts
	slots    slots
}

// until returns the loader with loads that also end at the deadline of ctx.
func (l *loader[K, V]) until(ctx context.Context) *loader[K, V] {
	limited := *l
	limited.timeouts = l.timeouts.until(ctx)
	return &limited
}

// run loads a value, from the old one if there is one, and renews the lease meanwhile if there is one. It returns when the
// loader does, or at the hard timeout.
func (l *loader[K, V]) run(req *request[K], old *entry.Entry, lease *entry.Lease, cause string) *result[V] {
	ctx, cancel := l.timeouts.loading(req.ctx)
	defer cancel()
	ctx, trace := l.cache.StartLoad(ctx, cause, 1)
	var loaded *result[V]
	release := req.slot.handOver() // a loader that ignores the end of its context still loads the source
	work := flight.Guard(func() {
		defer release()
		loaded = l.call(ctx, req, old)
	})
	l.keep(ctx, work.Done(), batchLoad[K]{req, lease})
	r := &result[V]{}
	select {
	case <-work.Done():
		if r.err = work.Err(); r.err == nil {
			r = loaded
			r.derived = trace.FromStale()
		}
	case <-ctx.Done():
		r.err = l.timeouts.exceeded(ctx)
	}
	trace.End(r.err, r.absent)
	l.count(r)
	return r
}

// keep keeps the leases of loads until done is closed.
func (l *loader[K, V]) keep(ctx context.Context, done <-chan struct{}, loads ...batchLoad[K]) {
	k := keeper[K]{cache: l.cache}
	for _, load := range loads {
		if load.lease != nil || load.round != nil {
			k.loads = append(k.loads, load)
		}
	}
	k.keep(ctx, done)
}

// call calls the user's functions. They run in the goroutine of the load, where a panic in any of them is caught.
func (l *loader[K, V]) call(ctx context.Context, req *request[K], old *entry.Entry) *result[V] {
	r, began := &result[V]{}, time.Now()
	var reloaded bool
	if r.value, reloaded, r.err = l.reloads.from(ctx, req.key, old); !reloaded {
		r.value, r.err = l.load(ctx, req.key)
	}
	r.cost = time.Since(began)
	if r.err != nil {
		accept := l.entries.notFound.accept
		r.negative = accept != nil && accept(r.err)
		r.absent = r.negative || errors.Is(r.err, ErrNotFound)
		return r
	}
	l.entries.encodeLoaded(req.key, req.ref, r)
	return r
}

func (l *loader[K, V]) count(r *result[V]) {
	if r.err != nil && !r.absent {
		l.cache.Count(entry.CountLoadError)
	}
	if r.panicked() != nil {
		l.cache.Count(entry.CountPanic)
	}
}

// runDirect loads without a lease, and stores nothing. The value is as of the beginning of the load.
func (l *loader[K, V]) runDirect(req *request[K], round *flight.Round) outcome[V] {
	if round.Abandoned() {
		return outcome[V]{Err: errAbandoned}
	}
	mark := round.Cover()
	r := l.run(req, nil, nil, tracing.CauseBypass)
	r.source = SourceBypass
	return outcome[V]{Value: r, Mark: mark}
}

// runLeased loads under a lease. If the lease still stands at the end, nothing was evicted meanwhile. Then the value is
// as of the end of the load, and also answers the callers that came while it ran.
func (l *loader[K, V]) runLeased(ctx context.Context, req *request[K], old *entry.Entry, round *flight.Round, lease *entry.Lease) outcome[V] {
	early := round.Cover()
	r := l.run(req, old, lease, tracing.CauseMiss)
	late := round.Cover()
	if !l.finish(context.WithoutCancel(ctx), lease, r) {
		return outcome[V]{Value: r, Mark: early}
	}
	return outcome[V]{Value: r, Mark: late}
}

// finish stores the result under the lease, or gives the lease up. It reports whether the lease still stood.
func (l *loader[K, V]) finish(ctx context.Context, lease *entry.Lease, r *result[V]) bool {
	var stood bool
	var err error
	if r.storable() {
		stood, err = lease.Store(ctx, l.entries.loaded(r))
		if err == nil && !stood {
			l.cache.Count(entry.CountRefused)
		}
	} else if r.answered() && !r.derived {
		stood, err = lease.Remove(ctx)
	} else if r.failed() {
		stood, err = lease.Cooldown(ctx, l.failSafe.pause())
	} else {
		stood, err = lease.Release(ctx)
	}
	if err != nil {
		l.cache.Count(entry.CountRedisError)
	}
	return stood
}

// closing is the outcome of a load that did not get a slot before the store closed.
func (l *loader[K, V]) closing(round *flight.Round) outcome[V] {
	return outcome[V]{Value: &result[V]{err: l.notStarted()}, Mark: round.Cover()}
}

func (l *loader[K, V]) notStarted() error {
	return fmt.Errorf("%w: %s: the load was not started", store.ErrClosed, l.cache.Name())
}
