package cacheable

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/flight"
	"github.com/jollyjet/aside/internal/tracing"
	"github.com/jollyjet/aside/internal/tracking"
	"github.com/jollyjet/aside/store"
)

// job is what a caller wants done.
type job[K comparable, V any] struct {
	c      *Cacheable[K, V]
	ctx    context.Context //nolint:containedctx // of the caller, for its values
	key    K
	ref    *entry.Ref
	seen   entry.Entry // what the caller found
	direct bool        // Redis did not answer the caller
	cause  string      // of the load; CauseMiss if it is empty
	place  place       // that the load takes up
}

type outcome[V any] = flight.Outcome[*result[V]]

// maxLooks bounds how often a read looks again at an entry that it can't decode, before it goes to the loader.
const maxLooks = 3

// read is one round of a read: it looks at the entry, waits for the loader of another process, or loads. The mark that
// it returns covers the callers who had come before the moment as of which the value is known to be current.
func (j *job[K, V]) read(round *flight.Round) outcome[V] {
	c := j.c
	ctx, cancel := c.space.Lifecycle().LoadContext(j.ctx, 0)
	defer cancel()
	j.place.slots = c.slots
	defer j.place.leave()
	if !j.place.take(ctx) {
		return c.closing(round)
	}
	if j.direct || j.seen.State == entry.Bypass {
		return j.loadDirect(round)
	}
	var watch *tracking.Watch
	var waiting tracing.Span
	defer func() { waiting.End(ctx.Err()) }()
	seen := j.seen
	for looks := 0; looks < maxLooks; {
		if round.Abandoned() {
			return outcome[V]{Err: errAbandoned}
		}
		mark := round.Cover()
		claim, view, err := c.acquire(ctx, j.ref, seen)
		if err != nil {
			c.space.Count(entry.CountRedisError)
			break
		}
		if claim != nil {
			waiting.End(nil)
			return j.loadClaimed(ctx, round, claim)
		}
		if r, ok := c.answer(j.ref, &view); ok {
			return outcome[V]{Value: r, Mark: mark}
		}
		switch view.State {
		case entry.Leased:
			if watch == nil {
				watch = c.space.Watch(j.ref)
				defer watch.Stop()
				c.space.Count(entry.CountWait)
				_, waiting = c.space.TraceWait(ctx)
				continue // what happened before the watch began would be missed
			}
			j.place.leave()
			watch.Wait(ctx, view.LeaseLeft())
			if !j.place.take(ctx) {
				return c.closing(round)
			}
		case entry.Stale:
			if r := c.fallback(&view); r != nil && seen.State == entry.Stale { // a load has failed, it is too early for another
				c.cooling.learn(j.ref.Key, view.Cooldown())
				return outcome[V]{Value: r, Mark: mark}
			}
			if seen.State == entry.Stale {
				looks = maxLooks
			}
			seen = view
		case entry.Invalid, entry.Absent:
			seen = view
			looks++
		default:
			looks = maxLooks
		}
	}
	waiting.End(nil)
	return j.loadDirect(round)
}

// acquire claims the key, or the stale version that was seen.
func (c *Cacheable[K, V]) acquire(ctx context.Context, ref *entry.Ref, seen entry.Entry) (*entry.Lease, entry.Entry, error) {
	switch {
	case seen.State == entry.Stale:
		return c.space.AcquireStale(ctx, ref, seen)
	case c.large.has(ref.Key):
		return c.space.Overtake(ctx, ref, seen)
	default:
		return c.space.Acquire(ctx, ref, seen)
	}
}

// loadDirect loads without a claim, and stores nothing. The value is as of the beginning of the load.
func (j *job[K, V]) loadDirect(round *flight.Round) outcome[V] {
	if round.Abandoned() {
		return outcome[V]{Err: errAbandoned}
	}
	mark := round.Cover()
	j.cause = tracing.CauseBypass
	r := j.load(nil)
	r.source = SourceBypass
	return outcome[V]{Value: r, Mark: mark}
}

// loadClaimed loads under a claim. If the claim still holds in the end, then there was no eviction in between, and so
// the value is as of the end of the load: it answers those who came while it ran, too.
func (j *job[K, V]) loadClaimed(ctx context.Context, round *flight.Round, claim *entry.Lease) outcome[V] {
	early := round.Cover()
	r := j.load(claim)
	late := round.Cover()
	if !j.c.finish(context.WithoutCancel(ctx), claim, r) {
		return outcome[V]{Value: r, Mark: early}
	}
	return outcome[V]{Value: r, Mark: late}
}

// finish stores the result under the claim, or gives the claim up. It reports whether the result is confirmed.
func (c *Cacheable[K, V]) finish(ctx context.Context, claim *entry.Lease, r *result[V]) bool {
	var confirmed bool
	var err error
	if r.storable() {
		confirmed, err = claim.Store(ctx, c.stored(r))
		if err == nil && !confirmed {
			c.space.Count(entry.CountRefused)
		}
	} else if r.news() {
		confirmed, err = claim.Remove(ctx)
	} else if r.failed() && c.maxStale > 0 {
		confirmed, err = claim.Cooldown(ctx, failSafePause)
	} else {
		confirmed, err = claim.Release(ctx)
	}
	if err != nil {
		c.space.Count(entry.CountRedisError)
	}
	return confirmed
}

// load runs the loader, keeping the claim (if any) meanwhile. It returns when the loader does, or at the hard timeout.
func (j *job[K, V]) load(claim *entry.Lease) *result[V] {
	c := j.c
	ctx, cancel := c.space.Lifecycle().LoadContext(j.ctx, c.hardTimeout)
	defer cancel()
	ctx, load := c.space.StartLoad(ctx, cmp.Or(j.cause, tracing.CauseMiss), 1)
	var loaded *result[V]
	leave := j.place.handOver() // a load that ignores the end of its context goes on loading the source
	work := flight.Guard(func() {
		defer leave()
		loaded = j.call(ctx)
	})
	if claim != nil {
		claim.Renew(ctx, work.Done())
	}
	r := &result[V]{}
	select {
	case <-work.Done():
		if r.err = work.Err(); r.err == nil {
			r = loaded
		}
	case <-ctx.Done():
		r.err = c.ended(ctx)
	}
	load.End(r.err, r.absent)
	c.countLoad(r)
	return r
}

// ended says why the context of a load ended before the load did.
func (c *Cacheable[K, V]) ended(ctx context.Context) error {
	reason := ErrTimeout
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		reason = store.ErrClosed
	}
	return fmt.Errorf("%w: %s: %w", reason, c.space.Name(), ctx.Err())
}

// call calls the user's functions. They run in the loader's goroutine, where a panic in any of them is caught.
func (j *job[K, V]) call(ctx context.Context) *result[V] {
	c, r, began := j.c, &result[V]{}, time.Now()
	r.value, r.err = c.load(ctx, j.key)
	r.cost = time.Since(began)
	if r.err != nil {
		r.negative = c.notFound != nil && c.notFound(r.err)
		r.absent = r.negative || errors.Is(r.err, ErrNotFound)
		return r
	}
	j.encode(r)
	return r
}

// encode decides for how long a loaded value is stored, and encodes it. A value that is not stored is encoded too, for
// the copies of those who waited together.
func (j *job[K, V]) encode(r *result[V]) {
	if j.c.wanted(j.key, r.value) {
		r.ttl, r.tags = j.c.ttlFor(j.key, r.value), j.c.tagsOfValue(j.key, r.value)
	}
	payload, err := j.c.codec.Marshal(r.value)
	if err != nil {
		j.c.space.Count(entry.CountUnencodable)
		return
	}
	r.payload = payload
	if r.ttl > 0 && j.cause != tracing.CauseCheck && j.c.tooLarge(j.ref.Key, payload) {
		r.ttl = 0
	}
}

func (c *Cacheable[K, V]) countLoad(r *result[V]) {
	if r.err != nil && !r.absent {
		c.space.Count(entry.CountLoadError)
	}
	if _, ok := r.err.(*PanicError); ok { //nolint:errorlint // see share
		c.space.Count(entry.CountPanic)
	}
}

// closing is the outcome of a load whose turn did not come before the store closed.
func (c *Cacheable[K, V]) closing(round *flight.Round) outcome[V] {
	return outcome[V]{Value: &result[V]{err: c.notBegun()}, Mark: round.Cover()}
}

func (c *Cacheable[K, V]) notBegun() error {
	return fmt.Errorf("%w: %s: the load was not begun", store.ErrClosed, c.space.Name())
}
