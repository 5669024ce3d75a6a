package main

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/cacheable"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
	"github.com/jollyjet/aside/examples/productserver/internal/usecase"
)

// phase sends all requests once.
type phase struct {
	products []domain.Product
	pages    []domain.Query
	requests []request
	nodes    []usecase.UseCases // take turns
	judge    *judge
	pause    time.Duration // from the time of one request to that of the next
}

// outcome is what the callers of a phase saw.
type outcome struct {
	took  time.Duration
	reads durations            // answers to reads
	hits  map[string]durations // those out of the cache, by its name
}

// run shares the requests among the callers. It stops at the first error.
func (p *phase) run(ctx context.Context, callers int) (outcome, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	parts := make([]outcome, callers)
	began := time.Now()
	for i := range parts {
		parts[i].hits = make(map[string]durations)
		all.Go(func() {
			for ctx.Err() == nil {
				n := int(next.Add(1)) - 1
				if n >= len(p.requests) {
					return
				}
				time.Sleep(time.Until(began.Add(time.Duration(n) * p.pause)))
				if err := p.send(ctx, p.nodes[n%len(p.nodes)], p.requests[n], &parts[i]); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	whole := outcome{took: time.Since(began), hits: make(map[string]durations)}
	for _, part := range parts {
		whole.reads = append(whole.reads, part.reads...)
		for cache, hits := range part.hits {
			whole.hits[cache] = append(whole.hits[cache], hits...)
		}
	}
	return whole, context.Cause(ctx)
}

func (p *phase) send(ctx context.Context, to usecase.UseCases, r request, seen *outcome) error {
	id := p.products[r.product].ID
	switch r.kind {
	case get:
		return seen.read(ctx, func(ctx context.Context) error {
			end := p.judge.begin(r.product)
			found, err := to.Get(ctx, id)
			if err == nil {
				end(found)
			}
			return err
		})
	case list:
		return seen.read(ctx, func(ctx context.Context) error {
			end := p.judge.beginAll()
			found, err := to.List(ctx, p.pages[r.query])
			if err == nil {
				end(found.Items)
			}
			return err
		})
	case update:
		return p.wrote(to.Update(ctx, domain.UpdateProduct{ID: id, Stock: &r.stock}))
	default:
		return p.wrote(to.ToggleWishlist(ctx, id))
	}
}

func (p *phase) wrote(product domain.Product, err error) error {
	if err == nil {
		p.judge.wrote(product)
	}
	return err
}

// read does a read and takes note of how long it took, and of whether it was a hit.
func (o *outcome) read(ctx context.Context, do func(context.Context) error) error {
	ctx, calls := cacheable.WithInfo(ctx)
	began := time.Now()
	err := do(ctx)
	o.reads = append(o.reads, time.Since(began))
	if info, ok := calls.Last(); ok && (info.Source == cacheable.SourceHit || info.Source == cacheable.SourceNear) {
		o.hits[info.Cache] = append(o.hits[info.Cache], info.Took)
	}
	return err
}

type durations []time.Duration

// quantile returns that below which a share of the durations is; 0 if there are none.
func (d durations) quantile(share float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}
