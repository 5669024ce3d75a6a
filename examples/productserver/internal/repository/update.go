package repository

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
)

// Update changes the fields that the update names and returns the product after it. With a version it is
// domain.ErrConflict unless that is still the product's version.
func (r *Products) Update(ctx context.Context, u domain.UpdateProduct, at time.Time) (domain.Product, error) {
	r.updates.Lock()
	defer r.updates.Unlock()
	where := byID(u.ID)
	if u.Version != nil {
		where = append(where, bson.E{Key: "version", Value: *u.Version})
	}
	p, err := r.modify(ctx, where, bson.D{
		{Key: "$set", Value: append(changes(u), bson.E{Key: "updatedAt", Value: at})},
		{Key: "$inc", Value: bson.D{{Key: "version", Value: int64(1)}}},
	})
	if u.Version == nil || !errors.Is(err, domain.ErrNotFound) {
		return p, err
	}
	// Nothing matched: the id is unknown, or it has another version. Only a read tells.
	if _, err := r.Find(ctx, u.ID); err != nil {
		return domain.Product{}, err
	}
	return domain.Product{}, fmt.Errorf("update product: %w", domain.ErrConflict)
}

func changes(u domain.UpdateProduct) bson.D {
	set := bson.D{}
	put(&set, "name", u.Name)
	put(&set, "description", u.Description)
	put(&set, "brand", u.Brand)
	put(&set, "category", u.Category)
	put(&set, "stock", u.Stock)
	put(&set, "images", u.Images)
	put(&set, "rating", u.Rating)
	put(&set, "isActive", u.IsActive)
	if u.Price != nil {
		set = append(set, bson.E{Key: "priceAmount", Value: u.Price.Amount}, bson.E{Key: "priceCurrency", Value: u.Price.Currency})
	}
	return set
}

func put[T any](set *bson.D, key string, v *T) {
	if v != nil {
		*set = append(*set, bson.E{Key: key, Value: *v})
	}
}

// ToggleWishlist turns the flag over and counts. It is a compare-and-set on the flag: "if it is off, turn it on and
// add one" is a single atomic update, and so is its opposite. Whichever of the two matches is the toggle; when neither
// does, the flag went over between the tries, or the product is gone.
func (r *Products) ToggleWishlist(ctx context.Context, id string, at time.Time) (domain.Product, error) {
	r.updates.Lock()
	defer r.updates.Unlock()
	for {
		for _, on := range []bool{true, false} {
			p, err := r.setWishlisted(ctx, id, on, at)
			if !errors.Is(err, domain.ErrNotFound) {
				return p, err
			}
		}
		if _, err := r.Find(ctx, id); err != nil {
			return domain.Product{}, err
		}
		if err := pause(ctx); err != nil {
			return domain.Product{}, fmt.Errorf("toggle wishlist: %w", err)
		}
	}
}

func (r *Products) setWishlisted(ctx context.Context, id string, on bool, at time.Time) (domain.Product, error) {
	step := 1
	if !on {
		step = -1
	}
	return r.modify(ctx, append(byID(id), bson.E{Key: "isWishlisted", Value: !on}), bson.D{
		{Key: "$set", Value: bson.D{{Key: "isWishlisted", Value: on}, {Key: "updatedAt", Value: at}}},
		{Key: "$inc", Value: bson.D{{Key: "wishlistCount", Value: step}, {Key: "version", Value: int64(1)}}},
	})
}

func (r *Products) modify(ctx context.Context, where, update bson.D) (domain.Product, error) {
	var d document
	after := options.FindOneAndUpdate().SetReturnDocument(options.After)
	if err := r.coll.FindOneAndUpdate(ctx, where, update, after).Decode(&d); err != nil {
		return domain.Product{}, wrap("update product", err)
	}
	return d.product(), nil
}

// pause keeps rivals from missing each other in step.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(rand.Int64N(int64(5 * time.Millisecond)))):
		return nil
	}
}
