// Package seed fills an empty shop with a catalogue that is the same every time.
package seed

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
	"github.com/jollyjet/aside/examples/productserver/internal/usecase"
)

// Most is how many products the generator knows.
const Most = 200

// Currency is the one that the seeded shop sells in.
const Currency = "EUR"

// Products are the first n of the catalogue, the categories taking turns. The newest was created at the given time.
func Products(n int, at time.Time) []domain.Product {
	rng := rand.New(rand.NewPCG(2026, 11))
	products := make([]domain.Product, min(n, Most))
	for i := range products {
		cat := catalogue[i%len(catalogue)]
		turn := i / len(catalogue)
		what := turn % len(cat.articles)
		made := cat.brands[(turn/len(cat.articles)+what)%len(cat.brands)]
		// Nineteen hours apart they spread over five months and over the times of the day.
		created := at.Add(-time.Duration(i) * 19 * time.Hour).UTC().Truncate(time.Millisecond)
		p := usecase.Build(offer(rng, cat, made, what), created)
		p.WishlistCount = int(math.Floor(rng.ExpFloat64() * 9 * p.Rating / 5))
		products[i] = p
	}
	return products
}

func offer(rng *rand.Rand, cat category, made brand, what int) domain.NewProduct {
	art := cat.articles[what]
	in := domain.NewProduct{
		Name:        fmt.Sprintf("%s %s %s", made.name, made.models[what], art.noun),
		Description: art.blurb + " " + made.promise,
		Brand:       made.name,
		Category:    cat.name,
		Price:       domain.Money{Amount: price(art, made.tier, rng.Float64()), Currency: Currency},
		Stock:       int(rng.ExpFloat64() * 45),
		Rating:      rating(rng, made.tier),
		IsActive:    rng.IntN(12) != 0,
	}
	for view := range 1 + rng.IntN(4) {
		in.Images = append(in.Images, fmt.Sprintf("https://images.jollyjet.example/%s/%d.jpg", in.ID(), view+1))
	}
	return in
}

// price is where the brand stands in the article's range, a little up or down, and ends as prices do.
func price(art article, tier, chance float64) int64 {
	span := float64(art.high - art.low)
	whole := float64(art.low) + span*tier*(.85+.3*chance)
	if whole < 60 {
		return int64(whole)*100 + 90
	}
	return (int64(whole)/10*10 + 9) * 100
}

// rating favours what is dear, but not always.
func rating(rng *rand.Rand, tier float64) float64 {
	r := 3.6 + .8*tier + .45*rng.NormFloat64()
	return math.Round(10*min(5, max(1.5, r))) / 10
}

// Store is where the products go.
type Store interface {
	Empty(context.Context) (bool, error)
	InsertMissing(context.Context, []domain.Product) error
}

// Run puts n products into an empty store and returns whether it did. Two servers that start at once may both find it
// empty; since both bring products of the same ids, the second finds its own there and nothing is doubled.
func Run(ctx context.Context, store Store, n int, now time.Time) (bool, error) {
	if n == 0 {
		return false, nil
	}
	empty, err := store.Empty(ctx)
	if err != nil || !empty {
		return false, err
	}
	if err := store.InsertMissing(ctx, Products(n, now)); err != nil {
		return false, fmt.Errorf("seed: %w", err)
	}
	return true, nil
}
