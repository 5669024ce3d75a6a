package cacheable

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/jollyjet/aside/internal/entry"
)

// observers are called for hits. While there are none a hit costs one atomic load more.
type observers[K any] struct {
	all atomic.Pointer[[]*observer[K]] // the slice is never changed, but replaced
	mu  sync.Mutex                     // held while the slice is replaced
}

type observer[K any] struct {
	upTo   uint32 // a hit is chosen if its number hashes to upTo at most
	notify func(context.Context, K, entry.Sample)
}

// chooses decides by the number of the hit. It spreads the chosen hits evenly over all of them, even if the same reads
// come again and again in the same order, and costs less than a random number. See Fibonacci hashing in Knuth: The Art
// of Computer Programming, volume 3, section 6.4.
func (o *observer[K]) chooses(n int64) bool {
	const golden = 0x9E3779B97F4A7C15             // 2^64 divided by the golden ratio
	return uint64(n)*golden>>32 <= uint64(o.upTo) //nolint:gosec // any bits will do
}

// farHit notifies of the nth answer from Redis.
func (o *observers[K]) farHit(ctx context.Context, key K, found *entry.Entry, n int64) {
	if all := o.all.Load(); all != nil {
		for _, one := range *all {
			if one.chooses(n) {
				one.notify(ctx, key, found.Sample())
			}
		}
	}
}

// nearHit notifies of the nth answer from this process.
func (o *observers[K]) nearHit(ctx context.Context, key K, n int64) {
	if all := o.all.Load(); all != nil {
		for _, one := range *all {
			if one.chooses(n) {
				one.notify(ctx, key, entry.Sample{})
			}
		}
	}
}

// add has notify called for a fraction of the hits.
func (o *observers[K]) add(fraction float64, notify func(context.Context, K, entry.Sample)) (remove func()) {
	one := &observer[K]{uint32(fraction * math.MaxUint32), notify}
	o.replace(func(all []*observer[K]) []*observer[K] { return append(all, one) })
	return func() {
		o.replace(func(all []*observer[K]) []*observer[K] {
			return slices.DeleteFunc(all, func(other *observer[K]) bool { return other == one })
		})
	}
}

// replace applies a change to a copy of the slice.
func (o *observers[K]) replace(change func([]*observer[K]) []*observer[K]) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var now []*observer[K]
	if all := o.all.Load(); all != nil {
		now = slices.Clone(*all)
	}
	if now = change(now); len(now) == 0 {
		o.all.Store(nil)
		return
	}
	o.all.Store(&now)
}
