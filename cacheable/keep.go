package cacheable

import (
	"context"

	"github.com/jollyjet/aside/internal/entry"
)

// longestAlone is for how many renewals in a row a load may be without callers before it is given up: for as long as a lease, or
// somewhat longer.
const longestAlone = 3

// keeper keeps the leases of loads that run together. When all their callers have left, and nobody has come for a while, it
// gives the leases up, so that others may load, and lets later callers of this process begin loads of their own: the loader may
// hang. What it returns after that is refused. Refreshes have no callers, and are kept.
type keeper[K comparable] struct {
	cache *entry.Cache
	loads []batchLoad[K]
	alone int // renewals in a row at which nobody was waiting
}

// keep returns when done is closed or ctx ends, or when there is nothing to keep any more.
func (k *keeper[K]) keep(ctx context.Context, done <-chan struct{}) {
	if len(k.loads) == 0 {
		return
	}
	k.cache.EachRenewal(ctx, done, func() (more bool) {
		k.giveUp(ctx)
		k.cache.RenewAll(ctx, leasesOf(k.loads))
		return len(k.loads) > 0
	})
}

// giveUp gives up the loads that nobody waits for, if there are no others.
func (k *keeper[K]) giveUp(ctx context.Context) {
	for _, load := range k.loads {
		if load.round == nil || !load.round.Abandoned() {
			k.alone = 0
			return
		}
	}
	if k.alone++; k.alone <= longestAlone {
		return
	}
	var wanted, gone []batchLoad[K]
	for _, load := range k.loads {
		if load.round.Leave() {
			gone = append(gone, load)
		} else { // somebody has just come
			wanted = append(wanted, load)
		}
	}
	k.loads = wanted
	k.cache.GiveBack(ctx, leasesOf(gone)...)
}
