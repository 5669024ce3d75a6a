package cacheable

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// hooks are functions that are told of every hit. While there are none a hit costs one load more.
type hooks[K any] struct {
	all atomic.Pointer[[]*hook[K]]
	mu  sync.Mutex // orders changes
}

type hook[K any] struct{ f func(context.Context, K) }

// told tells of a hit.
func (h *hooks[K]) told(ctx context.Context, key K) {
	if all := h.all.Load(); all != nil {
		tell(ctx, key, *all)
	}
}

func tell[K any](ctx context.Context, key K, all []*hook[K]) {
	for _, one := range all {
		one.f(ctx, key)
	}
}

func (h *hooks[K]) change(change func([]*hook[K]) []*hook[K]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var now []*hook[K]
	if all := h.all.Load(); all != nil {
		now = slices.Clone(*all)
	}
	if now = change(now); len(now) == 0 {
		h.all.Store(nil)
		return
	}
	h.all.Store(&now)
}

// OnHit has f called with every answer that the cache gives as current: a value or an absence from Redis, or a value from
// this process. It runs in the caller's way, so it must be quick and must not panic. Detach ends it; calls that have
// begun may still be under way then.
func (c *Cacheable[K, V]) OnHit(f func(ctx context.Context, key K)) (detach func()) {
	mustNotBeNil("OnHit", f == nil)
	one := &hook[K]{f}
	c.hits.change(func(all []*hook[K]) []*hook[K] { return append(all, one) })
	return func() {
		c.hits.change(func(all []*hook[K]) []*hook[K] {
			return slices.DeleteFunc(all, func(h *hook[K]) bool { return h == one })
		})
	}
}
