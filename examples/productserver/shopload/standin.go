package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
	"github.com/jollyjet/aside/examples/productserver/internal/usecase"
)

// standIn keeps products in memory and takes its time. It looks, and changes, in the middle of that time, so that
// answers are on their way for as long as those of a database on the network.
type standIn struct {
	usecase.Repository // nil: the workload creates and deletes nothing
	counts
	readTime, writeTime time.Duration

	mu       sync.RWMutex
	products map[string]domain.Product
}

func newStandIn(products []domain.Product, readTime, writeTime time.Duration) *standIn {
	d := &standIn{readTime: readTime, writeTime: writeTime, products: make(map[string]domain.Product, len(products))}
	for _, p := range products {
		d.products[p.ID] = p
	}
	return d
}

func (d *standIn) name() string {
	return fmt.Sprintf("database in memory (%v a query, %v a write)", d.readTime, d.writeTime)
}

func (d *standIn) close(context.Context) error { return nil }

func (d *standIn) Find(_ context.Context, id string) (p domain.Product, err error) {
	d.query(func() { p, err = d.find(id) })
	return p, err
}

// List is two queries, as it is with MongoDB.
func (d *standIn) List(_ context.Context, q domain.Query) (items []domain.Product, total int64, err error) {
	d.query(func() { total = int64(len(d.matching(q.Category))) })
	d.query(func() {
		items = d.matching(q.Category)
		slices.SortFunc(items, func(a, b domain.Product) int {
			by := a.CreatedAt.Compare(b.CreatedAt)
			if q.Sort == "price" {
				by = cmp.Compare(a.Price.Amount, b.Price.Amount)
			}
			if q.Desc {
				by = -by
			}
			return cmp.Or(by, cmp.Compare(a.ID, b.ID))
		})
		from := min((q.Page-1)*q.Limit, len(items))
		items = items[from:min(from+q.Limit, len(items))]
	})
	return items, total, nil
}

func (d *standIn) Update(_ context.Context, u domain.UpdateProduct, at time.Time) (domain.Product, error) {
	return d.change(u.ID, at, func(p *domain.Product) { p.Stock = *u.Stock })
}

func (d *standIn) ToggleWishlist(_ context.Context, id string, at time.Time) (domain.Product, error) {
	return d.change(id, at, func(p *domain.Product) {
		p.WishlistCount++
		if p.IsWishlisted {
			p.WishlistCount -= 2
		}
		p.IsWishlisted = !p.IsWishlisted
	})
}

func (d *standIn) query(look func()) {
	d.queries.Add(1)
	time.Sleep(d.readTime / 2)
	d.mu.RLock()
	look()
	d.mu.RUnlock()
	time.Sleep(d.readTime / 2)
}

func (d *standIn) change(id string, at time.Time, change func(*domain.Product)) (domain.Product, error) {
	d.writes.Add(1)
	time.Sleep(d.writeTime / 2)
	defer time.Sleep(d.writeTime / 2)
	d.mu.Lock()
	defer d.mu.Unlock()
	p, err := d.find(id)
	if err != nil {
		return p, err
	}
	change(&p)
	p.Version++
	p.UpdatedAt = at
	d.products[id] = p
	return p, nil
}

func (d *standIn) find(id string) (domain.Product, error) {
	p, ok := d.products[id]
	if !ok {
		return p, domain.ErrNotFound
	}
	return p, nil
}

func (d *standIn) matching(category string) (found []domain.Product) {
	for _, p := range d.products {
		if category == "" || p.Category == category {
			found = append(found, p)
		}
	}
	return found
}
