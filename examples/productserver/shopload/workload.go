package main

import (
	"math"
	"math/rand/v2"
	"sort"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
)

// workload describes the requests. The same workload makes the same requests in the same order.
type workload struct {
	requests, products int
	writes, lists      float64
	zipf               float64
	seed               uint64
}

type kind uint8

const (
	get kind = iota
	list
	update
	toggle
)

// request is one call of a use case.
type request struct {
	kind    kind
	product int // which, for all but list
	query   int // which, for list
	stock   int // to be set by update
}

// plan draws the requests. Reads and writes have the same favourites; of the writes one half sets the stock, the other
// turns the wishlist over. Which product has which rank is drawn too, so that favourites are of all categories.
func (w workload) plan(queries int) []request {
	rng := rand.New(rand.NewPCG(w.seed, 0))
	products, pages := newZipf(w.products, w.zipf), newZipf(queries, w.zipf)
	ranks := rng.Perm(w.products)
	all := make([]request, w.requests)
	for i := range all {
		r := request{product: ranks[products.draw(rng)]}
		switch {
		case rng.Float64() < w.writes:
			r.kind, r.stock = update, rng.IntN(1000)
			if rng.IntN(2) == 0 {
				r.kind = toggle
			}
		case rng.Float64() < w.lists:
			r.kind, r.query = list, pages.draw(rng)
		}
		all[i] = r
	}
	return all
}

// zipf draws ranks from 0: that of rank r has the weight 1/(r+1)^s. That of math/rand needs an s above 1.
type zipf struct{ upTo []float64 }

func newZipf(n int, s float64) zipf {
	z := zipf{make([]float64, n)}
	sum := 0.0
	for r := range z.upTo {
		sum += math.Pow(float64(r+1), -s)
		z.upTo[r] = sum
	}
	return z
}

func (z zipf) draw(rng *rand.Rand) int {
	at := rng.Float64() * z.upTo[len(z.upTo)-1]
	return min(sort.SearchFloat64s(z.upTo, at), len(z.upTo)-1)
}

// pagesOf are the pages of the list that are asked for: the newest products, then each category's newest and cheapest.
func pagesOf(products []domain.Product) []domain.Query {
	pages := []domain.Query{domain.DefaultQuery()}
	seen := make(map[string]bool)
	for _, p := range products {
		if seen[p.Category] {
			continue
		}
		seen[p.Category] = true
		newest := domain.DefaultQuery()
		newest.Category = p.Category
		cheapest := newest
		cheapest.Sort, cheapest.Desc = "price", false
		pages = append(pages, newest, cheapest)
	}
	return pages
}
