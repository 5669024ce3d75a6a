package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
)

const (
	knife    = "/products/herdwerk-anna-chefs-knife-20-cm"
	lamp     = "/products/test-co-night-lamp"
	lampJSON = `{"name":"Test Co Night Lamp","description":"For the nights.","brand":"Test Co","category":"lighting",
		"price":{"amount":1990,"currency":"EUR"},"stock":5,"images":["https://a.example/1.jpg"],"rating":4.5}`
)

func TestPages(t *testing.T) {
	p := start(t, nil)
	if a := p.do(http.StatusOK, "GET", "/", ""); !strings.Contains(string(a.body), "curl -i "+p.url+knife) {
		t.Errorf("the front page has no example to copy: %s", a.body)
	}
	p.do(http.StatusOK, "GET", "/healthz", "")
	ready := decode[map[string]string](t, p.do(http.StatusOK, "GET", "/readyz", ""))
	if ready["status"] != "ready" || ready["mongodb"] != "up" || ready["redis"] != "up" {
		t.Errorf("readyz says %v", ready)
	}
}

func TestLifeOfAProduct(t *testing.T) {
	p := start(t, nil)
	p.do(http.StatusNotFound, "GET", lamp, "")

	a := p.do(http.StatusCreated, "POST", "/products", lampJSON)
	made := product(t, a)
	if a.header.Get("Location") != lamp || a.cache() != "" || a.header.Get("Server-Timing") == "" {
		t.Errorf("headers of the creation: %v", a.header)
	}
	if made.Version != 1 || made.CreatedAt.IsZero() || !made.UpdatedAt.Equal(made.CreatedAt) || !made.IsActive {
		t.Errorf("made %+v", made)
	}
	if got := p.do(http.StatusOK, "GET", lamp, ""); string(got.body) != string(a.body) {
		t.Errorf("made %s, read %s", a.body, got.body)
	}
	p.do(http.StatusConflict, "POST", "/products", lampJSON)

	changed := product(t, p.do(http.StatusOK, "PATCH", lamp, `{"price":{"amount":1790,"currency":"EUR"},"images":[],"isActive":false,"version":1}`))
	if changed.Price.Amount != 1790 || len(changed.Images) != 0 || changed.IsActive || changed.Version != 2 || changed.Name != made.Name {
		t.Errorf("changed to %+v", changed)
	}
	p.do(http.StatusConflict, "PATCH", lamp, `{"stock":1,"version":1}`)
	p.do(http.StatusConflict, "PATCH", lamp, `{"name":"Herdwerk Anna Chef's Knife 20 cm"}`)

	wished := product(t, p.do(http.StatusOK, "POST", lamp+"/wishlist", ""))
	if !wished.IsWishlisted || wished.WishlistCount != 1 || wished.Version != 3 {
		t.Errorf("wished %+v", wished)
	}
	wished = product(t, p.do(http.StatusOK, "POST", lamp+"/wishlist", ""))
	if wished.IsWishlisted || wished.WishlistCount != 0 || wished.Version != 4 {
		t.Errorf("no longer wished %+v", wished)
	}

	if a := p.do(http.StatusNoContent, "DELETE", lamp, ""); len(a.body) != 0 {
		t.Errorf("204 with a body: %s", a.body)
	}
	p.do(http.StatusNotFound, "GET", lamp, "")
	p.do(http.StatusNotFound, "DELETE", lamp, "")
	p.do(http.StatusNotFound, "PATCH", lamp, `{"stock":1}`)
	p.do(http.StatusNotFound, "PATCH", lamp, `{"stock":1,"version":4}`)
	p.do(http.StatusNotFound, "POST", lamp+"/wishlist", "")
}

func TestList(t *testing.T) {
	p := start(t, nil) // 24 products: three of each of eight categories
	first := page(t, p.do(http.StatusOK, "GET", "/products?limit=10", ""))
	if len(first.Items) != 10 || first.Total != 24 || first.Page != 1 || first.Limit != 10 || first.Pages != 3 {
		t.Errorf("%d items of %+v", len(first.Items), first)
	}
	if !slices.IsSortedFunc(first.Items, func(a, b domain.Product) int { return b.CreatedAt.Compare(a.CreatedAt) }) {
		t.Error("the newest do not come first")
	}
	var ids []string
	for n := 1; n <= 4; n++ {
		got := page(t, p.do(http.StatusOK, "GET", fmt.Sprintf("/products?limit=10&page=%d&sort=stock", n), ""))
		for _, item := range got.Items {
			ids = append(ids, item.ID)
		}
	}
	if slices.Sort(ids); len(slices.Compact(ids)) != 24 {
		t.Errorf("the pages show %d products", len(ids))
	}

	tests := []struct {
		query string
		total int64
		fits  func(domain.Product) bool
		order func(a, b domain.Product) int
	}{
		{"category=Kitchen", 3, func(p domain.Product) bool { return p.Category == "kitchen" }, nil},
		{"category=none", 0, nil, nil},
		{"currency=usd", 0, nil, nil},
		{"sort=price", 24, nil, func(a, b domain.Product) int { return int(a.Price.Amount - b.Price.Amount) }},
		{"sort=name&order=desc", 24, nil, func(a, b domain.Product) int { return strings.Compare(b.Name, a.Name) }},
		{"minPrice=5000&maxPrice=20000&limit=100", -1, func(p domain.Product) bool { return p.Price.Amount >= 5000 && p.Price.Amount <= 20000 }, nil},
		{"active=false", -1, func(p domain.Product) bool { return !p.IsActive }, nil},
		{"active=true&limit=100", -1, func(p domain.Product) bool { return p.IsActive }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			got := page(t, p.do(http.StatusOK, "GET", "/products?"+tt.query, ""))
			if tt.total >= 0 && got.Total != tt.total {
				t.Errorf("total %d, want %d", got.Total, tt.total)
			}
			if tt.total < 0 && (got.Total < 1 || got.Total > 23) {
				t.Errorf("total %d: the filter keeps nothing or everything", got.Total)
			}
			if tt.fits != nil && slices.ContainsFunc(got.Items, func(p domain.Product) bool { return !tt.fits(p) }) {
				t.Errorf("items that do not fit in %+v", got.Items)
			}
			if tt.order != nil && !slices.IsSortedFunc(got.Items, tt.order) {
				t.Error("not sorted")
			}
		})
	}
}

func TestProblems(t *testing.T) {
	p := start(t, nil)
	tests := []struct {
		name, method, path, body string
		status                   int
		fields                   []string
	}{
		{"unknown id", "GET", "/products/no-such-thing", "", 404, nil},
		{"impossible id", "GET", "/products/No%20Such%20Thing", "", 404, nil},
		{"unknown path", "GET", "/nowhere", "", 404, nil},
		{"wrong method", "PUT", knife, "{}", 405, nil},
		{"unknown parameter", "GET", "/products?categroy=audio", "", 400, []string{"categroy"}},
		{"parameter twice", "GET", "/products?page=1&page=2", "", 400, []string{"page"}},
		{"parameters that are no numbers", "GET", "/products?page=x&limit=1.5&minPrice=99999999999999999999", "", 400, []string{"limit", "minPrice", "page"}},
		{"parameters out of bounds", "GET", "/products?page=0&limit=101&sort=_id", "", 400, []string{"sort", "page", "limit"}},
		{"wrong direction", "GET", "/products?order=up", "", 400, []string{"order"}},
		{"most is nothing", "GET", "/products?maxPrice=0", "", 400, []string{"maxPrice"}},
		{"malformed query", "GET", "/products?a=%zz", "", 400, []string{"query"}},
		{"malformed JSON", "POST", "/products", `{"name"`, 400, []string{"body"}},
		{"two objects", "POST", "/products", lampJSON + "{}", 400, []string{"body"}},
		{"an array", "POST", "/products", `[]`, 400, []string{"body"}},
		{"null", "POST", "/products", `null`, 400, []string{"body"}},
		{"unknown field", "POST", "/products", `{"colour":"red"}`, 400, []string{"colour"}},
		{"a field the server sets", "POST", "/products", `{"wishlistCount":9}`, 400, []string{"wishlistCount"}},
		{"a version of one's own", "POST", "/products", `{"version":9}`, 400, []string{"version"}},
		{"wrong type", "POST", "/products", `{"price":{"amount":"9"}}`, 400, []string{"price.amount"}},
		{"missing fields", "POST", "/products", `{}`, 400, []string{"name", "brand", "category", "price.amount", "price.currency"}},
		{"nulls", "PATCH", knife, `{"name":null,"stock":null}`, 400, []string{"name", "stock"}},
		{"nothing to change", "PATCH", knife, `{}`, 400, []string{"body"}},
		{"negative stock", "PATCH", knife, `{"stock":-1}`, 400, []string{"stock"}},
		{"too large", "POST", "/products", `{"description":"` + strings.Repeat("x", 70000) + `"}`, 413, nil},
		{"no body", "POST", "/products", "", 415, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := p.send(tt.method, tt.path, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			if a.status != tt.status || a.header.Get("Content-Type") != "application/problem+json" {
				t.Fatalf("%d %s: %s", a.status, a.header.Get("Content-Type"), a.body)
			}
			got := decode[struct {
				Status int
				Title  string
				Errors []domain.FieldError
			}](t, a)
			var fields []string
			for _, f := range got.Errors {
				fields = append(fields, f.Field)
			}
			if got.Status != tt.status || got.Title == "" || !slices.Equal(slices.Compact(fields), tt.fields) {
				t.Errorf("%s, want fields %v", a.body, tt.fields)
			}
			if tt.status == http.StatusMethodNotAllowed && !strings.Contains(a.header.Get("Allow"), "PATCH") {
				t.Errorf("Allow is %q", a.header.Get("Allow"))
			}
		})
	}
}
