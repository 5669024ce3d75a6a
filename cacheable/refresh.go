package cacheable

import (
	"context"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/flight"
	"github.com/jollyjet/aside/internal/tracing"
)

// Refresh loads the value for key, whether or not the cache has one, stores it, and returns it. Until it is stored
// others read what was there before. It is stored only over the very version that was there when the load began: if
// somebody else has stored or evicted the key meanwhile, it is left evicted, and the next read loads. Errors are those
// of Get; after one, what was in the cache is still there.
func (c *Cacheable[K, V]) Refresh(ctx context.Context, key K) (V, error) {
	ref := c.ref(key)
	j := job[K, V]{c: c, ctx: ctx, key: key, ref: &ref, cause: tracing.CauseRefresh}
	r, err := c.refreshes.Do(ctx, ref.Key, j.refresh)
	if noFlight(err) {
		return c.load(ctx, key)
	}
	if err != nil {
		var zero V
		return zero, err
	}
	return c.share(r)
}

// refresh is one round of Refresh. Who joins later than the load began wants a later load.
func (j *job[K, V]) refresh(round *flight.Round) outcome[V] {
	c := j.c
	ctx, cancel := c.space.Lifecycle().LoadContext(j.ctx, 0)
	defer cancel()
	j.place.slots = c.slots
	defer j.place.leave()
	if !j.place.take(ctx) {
		return c.closing(round)
	}
	if round.Abandoned() {
		return outcome[V]{Err: errAbandoned}
	}
	claim, view, err := c.space.AcquireForce(ctx, j.ref)
	if err != nil {
		c.space.Count(entry.CountRedisError)
	}
	mark := round.Cover()
	r := j.load(claim)
	ctx = context.WithoutCancel(ctx)
	stored := claim != nil && c.finish(ctx, claim, r) && r.storable()
	if r.news() && !stored && view.State != entry.Bypass {
		_ = c.Store().Evict(ctx, j.ref.Key) // whatever is there may be older than what is returned; failing is queued
	}
	return outcome[V]{Value: r, Mark: mark}
}
