// Package cached is the one place where the program meets its cache: it decorates the use cases. Take Decorate out of
// main, and the server does the same things from MongoDB alone.
package cached

import (
	"context"
	"errors"
	"time"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/store"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
	"github.com/jollyjet/aside/examples/productserver/internal/httpapi"
	"github.com/jollyjet/aside/examples/productserver/internal/usecase"
)

// catalogue tags every page of the list: any write may move products between pages, so any write evicts them all.
const catalogue = "catalogue"

// Shop are the use cases with their cache.
type Shop struct {
	usecase.UseCases
	products *cacheable.Cacheable[string, domain.Product]
}

// Decorate puts a cache in front of the reads and evictions around the writes.
func Decorate(st *store.Store, plain usecase.UseCases) Shop {
	products := cacheable.New(st, "product", plain.Get,
		cacheable.TTL(10*time.Minute),
		cacheable.FailSafe(time.Hour), // a product of an hour ago is better than none when MongoDB is away
		cacheable.NotFound(absent, time.Minute))
	pages := cacheable.New(st, "products", plain.List,
		cacheable.TTL(time.Minute),
		cacheable.FailSafe(time.Hour),
		cacheable.Tags(func(domain.Query) []string { return []string{catalogue} }))

	return Shop{products: products, UseCases: usecase.UseCases{
		Get:  products.Get,
		List: pages.Get,
		// The key goes although the product is new: somebody may have asked for it, and its absence was cached.
		Create: evict.After(plain.Create,
			evict.Key(products, domain.NewProduct.ID),
			evict.Tags(st, lists[domain.NewProduct])),
		// Around, not After: a server that dies between the write and the eviction leaves no stale product. What was
		// written takes the place of what was cached, so that the next read is a hit.
		Update: evict.Around(plain.Update,
			evict.Replace(products, func(u domain.UpdateProduct, p domain.Product) (string, domain.Product) { return u.ID, p }),
			evict.Tags(st, lists[domain.UpdateProduct])),
		Delete: evict.AroundErr(plain.Delete,
			evict.Key(products, self),
			evict.Tags(st, lists[string])),
		ToggleWishlist: evict.Around(plain.ToggleWishlist,
			evict.Replace(products, func(id string, p domain.Product) (string, domain.Product) { return id, p }),
			evict.Tags(st, lists[string])),
	}}
}

// Follow evicts products that are changed past the use cases, until ctx ends: the source tells their ids.
func (s Shop) Follow(ctx context.Context, source evict.Source[string]) *evict.Changes {
	st := s.products.Store()
	return evict.FromChanges(ctx, st, "products", source, evict.Key(s.products, self), evict.Tags(st, lists[string]))
}

// Forget empties the cache, for a server whose database is new. That Redis is away is no obstacle: the eviction waits
// for it, and nothing is read from it before.
func Forget(ctx context.Context, st *store.Store) { _ = evict.Everything(ctx, st) }

func absent(err error) bool { return errors.Is(err, domain.ErrNotFound) }

func self(id string) string { return id }

func lists[A any](A) []string { return []string{catalogue} }

// Trace is an httpapi.Trace.
func Trace(ctx context.Context) (context.Context, func() (httpapi.Served, bool)) {
	ctx, calls := cacheable.WithInfo(ctx)
	return ctx, func() (httpapi.Served, bool) {
		info, ok := calls.Last()
		if !ok {
			return httpapi.Served{}, false
		}
		source := info.Source.String()
		if source == "negative" { // that there is no such product came out of the cache like any answer
			source = "hit"
		}
		return httpapi.Served{Source: source, Took: info.Took}, true
	}
}
