package seed

import (
	"testing"
	"time"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
)

func TestProductsAreValidAndDistinct(t *testing.T) {
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	products := Products(Most, at)
	if len(products) != Most {
		t.Fatalf("%d products, want %d", len(products), Most)
	}
	ids, categories, brands, retired := map[string]bool{}, map[string]int{}, map[string]bool{}, 0
	for _, p := range products {
		in := domain.NewProduct{
			Name: p.Name, Description: p.Description, Brand: p.Brand, Category: p.Category,
			Price: p.Price, Stock: p.Stock, Images: p.Images, Rating: p.Rating, IsActive: p.IsActive,
		}
		if err := in.Validate(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if ids[p.ID] {
			t.Errorf("two products have the id %s", p.ID)
		}
		ids[p.ID], brands[p.Brand] = true, true
		categories[p.Category]++
		if !p.IsActive {
			retired++
		}
	}
	if len(categories) != len(catalogue) || len(brands) != 40 {
		t.Errorf("%d categories and %d brands", len(categories), len(brands))
	}
	if retired == 0 || retired > Most/4 {
		t.Errorf("%d of %d are not for sale", retired, Most)
	}
}

func TestProductsAreTheSameEveryTime(t *testing.T) {
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	few, all := Products(17, at), Products(Most+5, at)
	for i, p := range few {
		if q := all[i]; p.ID != q.ID || p.Price != q.Price || p.Rating != q.Rating || !p.CreatedAt.Equal(q.CreatedAt) {
			t.Errorf("product %d is %v, then %v", i, p, q)
		}
	}
}
