package domain

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxName        = 120
	maxDescription = 4000
	maxBrand       = 60
	maxCategory    = 40
	maxAmount      = 100_000_000_00
	maxStock       = 1_000_000
	maxImages      = 12
	maxURL         = 500
	maxRating      = 5
)

// currencies are those with two decimals that the shop sells in.
var currencies = []string{"EUR", "USD", "GBP", "INR"}

// checks collects what is wrong; the zero value is ready.
type checks struct{ fields []FieldError }

func (c *checks) that(ok bool, field, format string, args ...any) {
	if !ok {
		c.fields = append(c.fields, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
	}
}

func (c *checks) err() error {
	if len(c.fields) == 0 {
		return nil
	}
	return &ValidationError{Fields: c.fields}
}

// Validate reports every field that breaks a rule.
func (n NewProduct) Validate() error {
	var c checks
	c.name(n.Name)
	c.description(n.Description)
	c.line("brand", n.Brand, maxBrand)
	c.category(n.Category)
	c.price(n.Price)
	c.stock(n.Stock)
	c.images(n.Images)
	c.rating(n.Rating)
	return c.err()
}

// Validate reports every field that breaks a rule, and an update that would change nothing.
func (u UpdateProduct) Validate() error {
	var c checks
	c.that(!u.empty(), "body", "must change at least one field")
	c.that(u.Version == nil || *u.Version >= 1, "version", "must be at least 1")
	check(u.Name, c.name)
	check(u.Description, c.description)
	check(u.Brand, func(s string) { c.line("brand", s, maxBrand) })
	check(u.Category, c.category)
	check(u.Price, c.price)
	check(u.Stock, c.stock)
	check(u.Images, c.images)
	check(u.Rating, c.rating)
	return c.err()
}

func (u UpdateProduct) empty() bool {
	return u.Name == nil && u.Description == nil && u.Brand == nil && u.Category == nil && u.Price == nil &&
		u.Stock == nil && u.Images == nil && u.Rating == nil && u.IsActive == nil
}

func check[T any](v *T, rule func(T)) {
	if v != nil {
		rule(*v)
	}
}

func (c *checks) name(s string) {
	c.line("name", s, maxName)
	// An id is made of the name; a name of nothing but punctuation would have none.
	c.that(s == "" || Slug(s) != "", "name", "must contain a letter or a digit")
}

func (c *checks) line(field, s string, most int) {
	c.that(s != "", field, "is required")
	c.that(utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl), field, "must be one line of text")
	c.that(s == strings.TrimSpace(s), field, "must not begin or end with a space")
	c.that(utf8.RuneCountInString(s) <= most, field, "must have at most %d characters", most)
}

func (c *checks) description(s string) {
	c.that(utf8.RuneCountInString(s) <= maxDescription, "description", "must have at most %d characters", maxDescription)
}

func (c *checks) category(s string) {
	c.that(s != "", "category", "is required")
	c.that(s == Slug(s), "category", "must be lower-case words joined by hyphens, such as kitchen or home-office")
	c.that(utf8.RuneCountInString(s) <= maxCategory, "category", "must have at most %d characters", maxCategory)
}

func (c *checks) price(m Money) {
	c.that(m.Amount >= 1 && m.Amount <= maxAmount, "price.amount",
		"must be a whole number of the currency's smallest unit from 1 to %d", maxAmount)
	c.currency("price.currency", m.Currency)
}

func (c *checks) currency(field, s string) {
	c.that(slices.Contains(currencies, s), field, "must be one of %s", strings.Join(currencies, ", "))
}

func (c *checks) stock(n int) {
	c.that(n >= 0 && n <= maxStock, "stock", "must be from 0 to %d", maxStock)
}

func (c *checks) images(list []string) {
	c.that(len(list) <= maxImages, "images", "must be at most %d", maxImages)
	for i, s := range list[:min(len(list), maxImages)] {
		u, err := url.Parse(s)
		ok := err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(s) <= maxURL
		c.that(ok, fmt.Sprintf("images[%d]", i), "must be an http(s) URL of at most %d characters", maxURL)
	}
}

// The comparison also refuses NaN, which is neither.
func (c *checks) rating(r float64) {
	c.that(r >= 0 && r <= maxRating, "rating", "must be from 0 to %d", maxRating)
}
