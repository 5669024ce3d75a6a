// Package domain holds the shop's product, the rules it obeys and the errors that the other layers agree on.
// It imports nothing of the program, so every other package may import it.
package domain

import (
	"strings"
	"time"
	"unicode"
)

// Product is what a client and the cache see; both use these JSON names. The repository has a document type of its
// own, so that the database's names and types do not leak into the API.
type Product struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	Description   string    `json:"description"`
	Brand         string    `json:"brand"`
	Category      string    `json:"category"`
	Price         Money     `json:"price"`
	Stock         int       `json:"stock"`
	Images        []string  `json:"images"`
	Rating        float64   `json:"rating"`
	IsActive      bool      `json:"isActive"`
	IsWishlisted  bool      `json:"isWishlisted"`
	WishlistCount int       `json:"wishlistCount"`
	CreatedAt     time.Time `json:"createdAt"`
	UpdatedAt     time.Time `json:"updatedAt"`
	Version       int64     `json:"version"`
}

// Money is an amount in the currency's smallest unit, 12900 EUR being 129 euros: floats can't hold every cent.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// NewProduct is what a client says about a product that does not exist yet.
type NewProduct struct {
	Name        string
	Description string
	Brand       string
	Category    string
	Price       Money
	Stock       int
	Images      []string
	Rating      float64
	IsActive    bool
}

// ID is made from the name and stays when the name changes later. That it is known before the write matters to the
// cache: somebody may have asked for this id already, and the absence that was remembered has to go.
func (n NewProduct) ID() string { return Slug(n.Name) }

// UpdateProduct changes the fields that are not nil.
type UpdateProduct struct {
	ID string
	// Version, if set, makes the update conditional on the version that the client last saw.
	Version     *int64
	Name        *string
	Description *string
	Brand       *string
	Category    *string
	Price       *Money
	Stock       *int
	Images      *[]string
	Rating      *float64
	IsActive    *bool
}

// Slug turns a name into an id: letters and digits of any script in lower case, everything else one hyphen.
func Slug(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(name) {
		if r == '\'' || r == '’' { // a chef's knife is a chefs-knife
			continue
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			gap = b.Len() > 0
			continue
		}
		if gap {
			b.WriteByte('-')
			gap = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// ValidID tells whether an id can exist at all. What can't is refused before it costs a look-up, and so that nobody
// fills the cache with the absence of nonsense.
func ValidID(id string) bool {
	return id != "" && len(id) <= 4*maxName && id == Slug(id)
}
