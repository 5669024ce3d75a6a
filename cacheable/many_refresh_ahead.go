package cacheable

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/tracing"
)

// startRefresh loads values again in the background, with one call of the loader, except for those that this process is
// loading already.
func (b *batchLoader[K, V]) startRefresh(ctx context.Context, refreshes *refreshes, due []*request[K]) {
	var loads []batchLoad[K]
	for _, req := range due {
		if refreshes.begin(req.ref.Key, req.found.Token()) {
			loads = append(loads, batchLoad[K]{request: req})
		}
	}
	if len(loads) == 0 {
		return
	}
	if !b.cache.Lifecycle().Load(func() { b.refreshAll(ctx, refreshes, loads) }) {
		endAll(refreshes, loads)
	}
}

// endAll ends refreshes that did not take place.
func endAll[K comparable](refreshes *refreshes, loads []batchLoad[K]) {
	for _, load := range loads {
		refreshes.end(load.ref.Key, 0)
	}
}

func (b *batchLoader[K, V]) refreshAll(ctx context.Context, refreshes *refreshes, loads []batchLoad[K]) {
	ctx, cancel := b.cache.Lifecycle().LoadContext(ctx, 0)
	defer cancel()
	slot := b.slots.slot()
	defer func() { slot.release() }()
	if !slot.acquire(ctx) { // the store closes
		endAll(refreshes, loads)
		return
	}
	loads = b.takeStaleLeases(ctx, refreshes, loads)
	if len(loads) == 0 {
		return
	}
	results := b.runAll(ctx, &slot, loads, tracing.CauseAhead)
	pauses := make([]time.Duration, len(loads))
	for i, load := range loads {
		b.cache.Count(entry.CountRefresh)
		if !results[i].answered() || results[i].derived {
			b.cache.Count(entry.CountRefreshFailed)
			pauses[i] = refreshes.failed(load.ref.Key)
		}
	}
	b.finishAll(context.WithoutCancel(ctx), loads, results, func(n int) time.Duration { return pauses[n] })
	for i, load := range loads {
		refreshes.end(load.ref.Key, pauses[i])
	}
}

// takeStaleLeases returns the loads that got the lease of the version that was found. It ends the other refreshes.
func (b *batchLoader[K, V]) takeStaleLeases(ctx context.Context, refreshes *refreshes, loads []batchLoad[K]) (leased []batchLoad[K]) {
	refs, found := make([]*entry.Ref, len(loads)), make([]entry.Entry, len(loads))
	for i, load := range loads {
		refs[i], found[i] = load.ref, load.found
	}
	leases, now, errs := b.cache.AcquireAll(ctx, refs, found, func(int) bool { return true })
	for i, load := range loads {
		if load.lease = leases[i]; load.lease != nil {
			leased = append(leased, load)
		} else {
			refreshes.end(load.ref.Key, unleasedPause(now[i], errs[i]))
		}
	}
	return leased
}
