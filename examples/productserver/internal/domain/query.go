package domain

import (
	"slices"
	"strings"
)

const (
	// DefaultLimit is the page size of a client that names none.
	DefaultLimit = 20
	maxLimit     = 100
	// A deep page makes the database walk everything before it, so there is an end to it.
	maxPage = 1000
)

// Query selects a page of the catalogue. It is plain values only, so that it can be a cache key as it is; two clients
// who ask for the same page by different URLs share one entry.
type Query struct {
	Category string
	Currency string
	// MinPrice and MaxPrice bound the amount; zero sets no bound, since no product costs nothing. Amounts of
	// different currencies do not compare, so name the Currency where the shop has several.
	MinPrice int64
	MaxPrice int64
	Active   Activity
	Sort     string
	Desc     bool
	Page     int
	Limit    int
}

// Activity filters by whether a product is on sale.
type Activity string

// The values of Activity.
const (
	AnyActivity Activity = ""
	OnlyActive  Activity = "true"
	OnlyRetired Activity = "false"
)

// SortFields are the fields that a list may be sorted by, as clients spell them.
var SortFields = []string{"createdAt", "updatedAt", "name", "price", "rating", "stock", "wishlistCount"}

// DefaultQuery is the newest products first.
func DefaultQuery() Query {
	return Query{Sort: "createdAt", Desc: true, Page: 1, Limit: DefaultLimit}
}

// Validate reports every parameter that is out of bounds.
func (q Query) Validate() error {
	var c checks
	if q.Category != "" {
		c.category(q.Category)
	}
	if q.Currency != "" {
		c.currency("currency", q.Currency)
	}
	c.that(q.MinPrice >= 0, "minPrice", "must not be negative")
	c.that(q.MaxPrice >= 0, "maxPrice", "must not be negative")
	c.that(q.MaxPrice == 0 || q.MinPrice <= q.MaxPrice, "minPrice", "must not be above maxPrice")
	c.that(slices.Contains([]Activity{AnyActivity, OnlyActive, OnlyRetired}, q.Active), "active", "must be true or false")
	c.that(slices.Contains(SortFields, q.Sort), "sort", "must be one of %s", strings.Join(SortFields, ", "))
	c.that(q.Page >= 1 && q.Page <= maxPage, "page", "must be from 1 to %d", maxPage)
	c.that(q.Limit >= 1 && q.Limit <= maxLimit, "limit", "must be from 1 to %d", maxLimit)
	return c.err()
}

// Page is one page of a list, and where it stands in the whole.
type Page struct {
	Items []Product `json:"items"`
	Total int64     `json:"total"`
	Page  int       `json:"page"`
	Limit int       `json:"limit"`
	Pages int64     `json:"pages"`
}

// NewPage places the items of q in a list of total.
func NewPage(q Query, items []Product, total int64) Page {
	limit := int64(q.Limit)
	return Page{Items: items, Total: total, Page: q.Page, Limit: q.Limit, Pages: (total + limit - 1) / limit}
}
