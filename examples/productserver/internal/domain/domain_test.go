package domain

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

func fields(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*ValidationError](err)
	if !ok {
		t.Fatalf("%v is no ValidationError", err)
	}
	var names []string
	for _, f := range invalid.Fields {
		names = append(names, f.Field)
	}
	return slices.Compact(names)
}

func valid() NewProduct {
	return NewProduct{
		Name: "Skagen Lys Strand Desk Lamp", Brand: "Skagen Lys", Category: "lighting",
		Price: Money{Amount: 19900, Currency: "EUR"}, Stock: 3, Images: []string{"https://a.example/1.jpg"}, Rating: 4.5,
	}
}

func TestNewProductValidate(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*NewProduct)
		want  []string
	}{
		{"valid", func(*NewProduct) {}, nil},
		{"name missing", func(p *NewProduct) { p.Name = "" }, []string{"name"}},
		{"name of punctuation", func(p *NewProduct) { p.Name = "!!!" }, []string{"name"}},
		{"name in two lines", func(p *NewProduct) { p.Name = "a\nb" }, []string{"name"}},
		{"name with a space at the end", func(p *NewProduct) { p.Name = "a " }, []string{"name"}},
		{"name as long as can be", func(p *NewProduct) { p.Name = strings.Repeat("ä", maxName) }, nil},
		{"name too long", func(p *NewProduct) { p.Name = strings.Repeat("ä", maxName+1) }, []string{"name"}},
		{"name is not UTF-8", func(p *NewProduct) { p.Name = "a\xff" }, []string{"name"}},
		{"description too long", func(p *NewProduct) { p.Description = strings.Repeat("x", maxDescription+1) }, []string{"description"}},
		{"brand missing", func(p *NewProduct) { p.Brand = "" }, []string{"brand"}},
		{"category in capitals", func(p *NewProduct) { p.Category = "Home Office" }, []string{"category"}},
		{"category missing", func(p *NewProduct) { p.Category = "" }, []string{"category"}},
		{"price nothing", func(p *NewProduct) { p.Price.Amount = 0 }, []string{"price.amount"}},
		{"price too much", func(p *NewProduct) { p.Price.Amount = maxAmount + 1 }, []string{"price.amount"}},
		{"price in shells", func(p *NewProduct) { p.Price.Currency = "SHL" }, []string{"price.currency"}},
		{"stock below nothing", func(p *NewProduct) { p.Stock = -1 }, []string{"stock"}},
		{"stock too much", func(p *NewProduct) { p.Stock = maxStock + 1 }, []string{"stock"}},
		{"too many images", func(p *NewProduct) { p.Images = slices.Repeat(p.Images, maxImages+1) }, []string{"images"}},
		{"image is a script", func(p *NewProduct) { p.Images = append(p.Images, "javascript:alert(1)") }, []string{"images[1]"}},
		{"rating above five", func(p *NewProduct) { p.Rating = 5.01 }, []string{"rating"}},
		{"rating is not a number", func(p *NewProduct) { p.Rating = math.NaN() }, []string{"rating"}},
		{
			"everything", func(p *NewProduct) { *p = NewProduct{Stock: -1, Rating: -1} },
			[]string{"name", "brand", "category", "price.amount", "price.currency", "stock", "rating"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := valid()
			tt.spoil(&p)
			if got := fields(t, p.Validate()); !slices.Equal(got, tt.want) {
				t.Errorf("wrong fields %v, want %v", got, tt.want)
			}
		})
	}
}

func TestUpdateProductValidate(t *testing.T) {
	tests := []struct {
		name string
		in   UpdateProduct
		want []string
	}{
		{"nothing", UpdateProduct{}, []string{"body"}},
		{"a version alone", UpdateProduct{Version: new(int64(3))}, []string{"body"}},
		{"no such version", UpdateProduct{Version: new(int64(0)), Stock: new(1)}, []string{"version"}},
		{"stock", UpdateProduct{Stock: new(0)}, nil},
		{"no images", UpdateProduct{Images: new([]string{})}, nil},
		{"retire", UpdateProduct{IsActive: new(false)}, nil},
		{"empty name", UpdateProduct{Name: new("")}, []string{"name"}},
		{"half a price", UpdateProduct{Price: &Money{Amount: 5}}, []string{"price.currency"}},
		{"each wrong", UpdateProduct{
			Description: new(strings.Repeat("x", maxDescription+1)), Brand: new(""), Category: new("A"),
			Stock: new(-1), Rating: new(9.0),
		}, []string{"description", "brand", "category", "stock", "rating"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := fields(t, tt.in.Validate()); !slices.Equal(got, tt.want) {
				t.Errorf("wrong fields %v, want %v", got, tt.want)
			}
		})
	}
}

func TestQueryValidate(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*Query)
		want  []string
	}{
		{"default", func(*Query) {}, nil},
		{"all filters", func(q *Query) {
			q.Category, q.Currency, q.MinPrice, q.MaxPrice, q.Active = "audio", "EUR", 1, 1, OnlyRetired
		}, nil},
		{"a field that is not sorted by", func(q *Query) { q.Sort = "_id" }, []string{"sort"}},
		{"bounds the wrong way round", func(q *Query) { q.MinPrice, q.MaxPrice = 2, 1 }, []string{"minPrice"}},
		{"negative", func(q *Query) { q.MinPrice, q.MaxPrice = -1, -1 }, []string{"minPrice", "maxPrice"}},
		{"page nought", func(q *Query) { q.Page = 0 }, []string{"page"}},
		{"too deep", func(q *Query) { q.Page = maxPage + 1 }, []string{"page"}},
		{"too many", func(q *Query) { q.Limit = maxLimit + 1 }, []string{"limit"}},
		{"perhaps active", func(q *Query) { q.Active = "maybe" }, []string{"active"}},
		{"no category", func(q *Query) { q.Category = "a b" }, []string{"category"}},
		{"no currency", func(q *Query) { q.Currency = "XXX" }, []string{"currency"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := DefaultQuery()
			tt.spoil(&q)
			if got := fields(t, q.Validate()); !slices.Equal(got, tt.want) {
				t.Errorf("wrong fields %v, want %v", got, tt.want)
			}
		})
	}
}

func TestSlug(t *testing.T) {
	tests := map[string]string{
		"Herdwerk Anna Chef's Knife 20 cm": "herdwerk-anna-chefs-knife-20-cm",
		"Hertz & Söhne":                    "hertz-söhne",
		"  -- a --  b -- ":                 "a-b",
		"京都 茶":                             "京都-茶",
		"!?":                               "",
	}
	for name, want := range tests {
		if got := Slug(name); got != want {
			t.Errorf("Slug(%q) = %q, want %q", name, got, want)
		}
	}
}

// FuzzSlug: whatever can be a name has an id that is found again by the id's own rule.
func FuzzSlug(f *testing.F) {
	for _, s := range []string{"Chef's Knife", "İstanbul", "ǅ", "a\xffb", "--", "e\u0301", "ΑΣ", "Σ b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		p := valid()
		p.Name = name
		if p.Validate() == nil && !ValidID(p.ID()) {
			t.Errorf("the id %q of %q is not valid", p.ID(), name)
		}
	})
}

func TestNewPageCountsPages(t *testing.T) {
	for total, want := range map[int64]int64{0: 0, 1: 1, 20: 1, 21: 2, 200: 10} {
		if got := NewPage(DefaultQuery(), nil, total).Pages; got != want {
			t.Errorf("%d products are %d pages, want %d", total, got, want)
		}
	}
}
