package main

import (
	"sync/atomic"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
)

// judge finds stale reads. Each write of a product raises its version by one. A read that begins when a write has returned
// must not find a version below that of the write. Writes that are still under way may be seen or not, so a read is
// called stale only if it is: what is looked at is what had returned before the read began.
type judge struct {
	index    map[string]int // of products by id
	returned []atomic.Int64 // by product: the highest version that a write has returned
	judged   atomic.Int64   // versions looked at
	stale    atomic.Int64
}

func newJudge(products []domain.Product) *judge {
	j := &judge{index: make(map[string]int, len(products)), returned: make([]atomic.Int64, len(products))}
	for i, p := range products {
		j.index[p.ID] = i
	}
	return j
}

// wrote is called when a write has returned.
func (j *judge) wrote(p domain.Product) {
	at := &j.returned[j.index[p.ID]]
	for {
		old := at.Load()
		if p.Version <= old || at.CompareAndSwap(old, p.Version) {
			return
		}
	}
}

// begin is called before a read of one product.
func (j *judge) begin(product int) (end func(domain.Product)) {
	least := j.returned[product].Load()
	return func(p domain.Product) { j.judge(p, least) }
}

// beginAll is called before a read that may find any product.
func (j *judge) beginAll() (end func([]domain.Product)) {
	least := make([]int64, len(j.returned))
	for i := range least {
		least[i] = j.returned[i].Load()
	}
	return func(found []domain.Product) {
		for _, p := range found {
			j.judge(p, least[j.index[p.ID]])
		}
	}
}

func (j *judge) judge(p domain.Product, least int64) {
	j.judged.Add(1)
	if p.Version < least {
		j.stale.Add(1)
	}
}
