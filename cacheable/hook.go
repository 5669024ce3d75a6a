package cacheable

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/jollyjet/aside/internal/entry"
)

// hooks are functions that are told of hits. While there are none a hit costs one load more.
type hooks[K any] struct {
	all atomic.Pointer[[]*hook[K]]
	mu  sync.Mutex // orders changes
}

type hook[K any] struct {
	upTo uint32 // of all numbers, those for which a hit is chosen
	told func(context.Context, K, entry.Sample)
}

// chooses decides by the number of the hit. It spreads what is chosen evenly over the hits, also over any that come
// again and again in the same order (Knuth: The Art of Computer Programming, volume 3, section 6.4, on Fibonacci
// hashing), and costs less than a random number.
func (h *hook[K]) chooses(n int64) bool {
	const golden = 0x9E3779B97F4A7C15             // 2^64 divided by the golden ratio
	return uint64(n)*golden>>32 <= uint64(h.upTo) //nolint:gosec // any bits will do
}

// far tells of the nth answer from Redis.
func (h *hooks[K]) far(ctx context.Context, key K, view *entry.Entry, n int64) {
	if all := h.all.Load(); all != nil {
		for _, one := range *all {
			if one.chooses(n) {
				one.told(ctx, key, view.Sample())
			}
		}
	}
}

// near tells of the nth answer from this process.
func (h *hooks[K]) near(ctx context.Context, key K, n int64) {
	if all := h.all.Load(); all != nil {
		for _, one := range *all {
			if one.chooses(n) {
				one.told(ctx, key, entry.Sample{})
			}
		}
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

// OnHit has told called for a fraction of the answers that the cache gives as current: values and absences from Redis, and
// values from this process. It is called with the key and what Redis had for it, or the zero Copy if this process had it,
// in the caller's way, so it must be quick and must not panic. Detach ends it; calls that have begun may still be under
// way then.
func (c *Cacheable[K, V]) OnHit(fraction float64, told func(ctx context.Context, key K, seen entry.Sample)) (detach func()) {
	mustNotBeNil("OnHit", told == nil)
	if !(fraction > 0 && fraction <= 1) {
		panic(fmt.Sprintf("cacheable: OnHit(%v, ...): use a fraction above 0, and 1 at most", fraction))
	}
	one := &hook[K]{uint32(fraction * math.MaxUint32), told}
	c.hits.change(func(all []*hook[K]) []*hook[K] { return append(all, one) })
	return func() {
		c.hits.change(func(all []*hook[K]) []*hook[K] {
			return slices.DeleteFunc(all, func(h *hook[K]) bool { return h == one })
		})
	}
}
