package cacheable

import (
	"context"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/flight"
	"github.com/jollyjet/aside/internal/tracing"
)

// Refresh loads the value for key, whether or not it is cached, stores it, and returns it. Until it is stored others
// read the old entry. It is stored only over the very version that was cached when the load began. If the key has been
// stored or evicted meanwhile, it is left evicted, and the next read loads. Its errors are those of [Cacheable.Get];
// after one, the old entry is still cached.
func (c *Cacheable[K, V]) Refresh(ctx context.Context, key K) (V, error) {
	ref := c.keys.ref(ctx, key)
	req := c.request(ctx, key, &ref)
	r, err := c.refreshes.Do(ctx, ref.Key, func(round *flight.Round) outcome[V] { return c.loader.refresh(&req, round) })
	if noFlight(err) {
		return c.loader.load(ctx, key)
	}
	if err != nil {
		var zero V
		return zero, err
	}
	r.usedIn(ctx)
	return c.entries.share(r)
}

// refresh is one round of Refresh. A caller that joins after the load has begun wants a later load.
func (l *loader[K, V]) refresh(req *request[K], round *flight.Round) outcome[V] {
	ctx, cancel := l.cache.Lifecycle().LoadContext(req.ctx, 0)
	defer cancel()
	defer req.slot.release()
	if !req.slot.acquire(ctx) {
		return l.closing(round)
	}
	if round.Abandoned() {
		return outcome[V]{Err: errAbandoned}
	}
	lease, found, err := l.cache.AcquireForce(ctx, req.ref)
	if err != nil {
		l.cache.Count(entry.CountRedisError)
	}
	mark := round.Cover()
	r := l.run(req, &found, lease, tracing.CauseRefresh)
	ctx = context.WithoutCancel(ctx)
	stored := lease != nil && l.finish(ctx, lease, r) && r.storable()
	if r.answered() && !stored && found.State != entry.Bypass {
		_ = l.cache.Evict(ctx, req.ref.Key) // the entry may be older than the answer; an eviction that fails is queued
	}
	return outcome[V]{Value: r, Mark: mark}
}
