// Package repository keeps products in MongoDB. It uses nothing that the embedded FerretDB of the example lacks: no
// pipeline updates, no aggregation, no transactions.
package repository

import (
	"context"
	"fmt"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
)

// Products is a usecase.Repository on one collection.
type Products struct {
	coll *mongo.Collection
	// updates is held around each update of a document. MongoDB needs no such lock; see SerializeUpdates.
	updates sync.Locker
}

// Option changes how New builds a repository.
type Option func(*Products)

// SerializeUpdates makes updates of this process take turns. FerretDB v1 reads a document, changes it and writes it
// whole, so two updates at once lose one of them even with a condition in the filter. Where one process is the only
// writer, as with the embedded server, a lock gives back what MongoDB promises by itself.
func SerializeUpdates() Option {
	return func(r *Products) { r.updates = new(sync.Mutex) }
}

// New makes a repository on a collection.
func New(coll *mongo.Collection, opts ...Option) *Products {
	r := &Products{coll: coll, updates: noLock{}}
	for _, opt := range opts {
		opt(r)
	}
	return r
}

type noLock struct{}

func (noLock) Lock()   {}
func (noLock) Unlock() {}

// Prepare creates the indexes; those that exist are left alone, so every server may call it when it starts. One at a
// time: asked for two that exist, FerretDB v1 drops the connection.
func (r *Products) Prepare(ctx context.Context) error {
	for _, index := range []mongo.IndexModel{
		{Keys: bson.D{{Key: "name", Value: 1}}, Options: options.Index().SetName("name_unique").SetUnique(true)},
		{Keys: bson.D{{Key: "category", Value: 1}, {Key: "priceAmount", Value: 1}}, Options: options.Index().SetName("category_price")},
	} {
		if _, err := r.coll.Indexes().CreateOne(ctx, index); err != nil {
			return wrap("create index", err)
		}
	}
	return nil
}

// Find returns the product of this id or domain.ErrNotFound.
func (r *Products) Find(ctx context.Context, id string) (domain.Product, error) {
	var d document
	if err := r.coll.FindOne(ctx, byID(id)).Decode(&d); err != nil {
		return domain.Product{}, wrap("find product", err)
	}
	return d.product(), nil
}

// List returns the items of a page, and how many products match in all. The two are read one after the other, so a
// write in between may show in one and not in the other.
func (r *Products) List(ctx context.Context, q domain.Query) ([]domain.Product, int64, error) {
	where := filter(q)
	total, err := r.coll.CountDocuments(ctx, where)
	if err != nil {
		return nil, 0, wrap("count products", err)
	}
	skip := int64(q.Page-1) * int64(q.Limit)
	if skip >= total {
		return []domain.Product{}, total, nil
	}
	cursor, err := r.coll.Find(ctx, where, options.Find().SetSort(order(q)).SetSkip(skip).SetLimit(int64(q.Limit)))
	if err != nil {
		return nil, 0, wrap("list products", err)
	}
	var docs []document
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, 0, wrap("list products", err)
	}
	items := make([]domain.Product, len(docs))
	for i, d := range docs {
		items[i] = d.product()
	}
	return items, total, nil
}

// Insert stores a new product, or returns domain.ErrDuplicate when its id or its name is taken.
func (r *Products) Insert(ctx context.Context, p domain.Product) error {
	_, err := r.coll.InsertOne(ctx, fromProduct(p))
	return wrap("insert product", err)
}

// InsertMissing stores those products that are not there yet.
func (r *Products) InsertMissing(ctx context.Context, products []domain.Product) error {
	docs := make([]document, len(products))
	for i, p := range products {
		docs[i] = fromProduct(p)
	}
	_, err := r.coll.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	if mongo.IsDuplicateKeyError(err) {
		return nil
	}
	return wrap("insert products", err)
}

// Empty tells whether there is no product at all.
func (r *Products) Empty(ctx context.Context) (bool, error) {
	n, err := r.coll.CountDocuments(ctx, bson.D{}, options.Count().SetLimit(1))
	return n == 0, wrap("count products", err)
}

// Delete removes a product or returns domain.ErrNotFound.
func (r *Products) Delete(ctx context.Context, id string) error {
	r.updates.Lock()
	defer r.updates.Unlock()
	res, err := r.coll.DeleteOne(ctx, byID(id))
	if err != nil {
		return wrap("delete product", err)
	}
	if res.DeletedCount == 0 {
		return fmt.Errorf("delete product: %w", domain.ErrNotFound)
	}
	return nil
}

func byID(id string) bson.D { return bson.D{{Key: "_id", Value: id}} }

func filter(q domain.Query) bson.D {
	where := bson.D{}
	if q.Category != "" {
		where = append(where, bson.E{Key: "category", Value: q.Category})
	}
	if q.Currency != "" {
		where = append(where, bson.E{Key: "priceCurrency", Value: q.Currency})
	}
	if q.Active != domain.AnyActivity {
		where = append(where, bson.E{Key: "isActive", Value: q.Active == domain.OnlyActive})
	}
	price := bson.D{}
	if q.MinPrice > 0 {
		price = append(price, bson.E{Key: "$gte", Value: q.MinPrice})
	}
	if q.MaxPrice > 0 {
		price = append(price, bson.E{Key: "$lte", Value: q.MaxPrice})
	}
	if len(price) > 0 {
		where = append(where, bson.E{Key: "priceAmount", Value: price})
	}
	return where
}

// sortKeys maps the API's names to the document's where they differ.
var sortKeys = map[string]string{"price": "priceAmount"}

// order ends in the id: pages of products that are equal in the sorted field would overlap otherwise.
func order(q domain.Query) bson.D {
	field, direction := q.Sort, 1
	if key, ok := sortKeys[field]; ok {
		field = key
	}
	if q.Desc {
		direction = -1
	}
	return bson.D{{Key: field, Value: direction}, {Key: "_id", Value: 1}}
}
