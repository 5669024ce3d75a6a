package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/jollyjet/aside/examples/productserver/internal/backend"
	"github.com/jollyjet/aside/examples/productserver/internal/domain"
	"github.com/jollyjet/aside/examples/productserver/internal/repository"
	"github.com/jollyjet/aside/examples/productserver/internal/seed"
	"github.com/jollyjet/aside/examples/productserver/internal/usecase"
)

// database is the shop's, and counts what it is asked.
type database interface {
	usecase.Repository
	name() string
	counted() (queries, writes int64) // since it was called last
	close(context.Context) error
}

func openDatabase(ctx context.Context, s settings, products []domain.Product) (database, error) {
	if s.mongo == "" {
		return newStandIn(products, s.readTime, s.writeTime), nil
	}
	return openMongo(ctx, s.mongo, products)
}

// counts are what a database counts.
type counts struct{ queries, writes atomic.Int64 }

func (c *counts) counted() (queries, writes int64) { return c.queries.Swap(0), c.writes.Swap(0) }

// mongoDB is a database of its own on a server, and counts the commands that this is sent.
type mongoDB struct {
	*repository.Products
	counts
	server *backend.Mongo
	coll   *mongo.Collection
}

func openMongo(ctx context.Context, uri string, products []domain.Product) (_ *mongoDB, err error) {
	if uri == "embedded" {
		uri = ""
	}
	d := &mongoDB{}
	monitor := options.Client().SetMonitor(&event.CommandMonitor{Started: d.started})
	if d.server, err = backend.OpenMongo(ctx, uri, slog.New(slog.DiscardHandler), monitor); err != nil {
		return nil, err
	}
	var opts []repository.Option
	if d.server.Embedded {
		opts = append(opts, repository.SerializeUpdates())
	}
	d.coll = d.server.Client.Database(fmt.Sprintf("aside_shopload_%x", time.Now().UnixNano())).Collection("products")
	d.Products = repository.New(d.coll, opts...)
	if err := errors.Join(d.Prepare(ctx), d.InsertMissing(ctx, products)); err != nil {
		return nil, errors.Join(err, d.close(ctx))
	}
	return d, nil
}

// started sees each command that the driver sends.
func (d *mongoDB) started(_ context.Context, e *event.CommandStartedEvent) {
	switch e.CommandName {
	case "find", "aggregate", "count", "getMore":
		d.queries.Add(1)
	case "insert", "update", "delete", "findAndModify":
		d.writes.Add(1)
	}
}

func (d *mongoDB) name() string {
	if d.server.Embedded {
		return "embedded FerretDB"
	}
	return "MongoDB"
}

// close removes what was stored.
func (d *mongoDB) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(d.coll.Database().Drop(ctx), d.server.Close(ctx))
}

// catalogue returns n products. The generator's are repeated under other names where there are not enough.
func catalogue(n int) []domain.Product {
	base := seed.Products(min(n, seed.Most), time.Now())
	products := make([]domain.Product, n)
	for i := range products {
		p := base[i%len(base)]
		if round := i / len(base); round > 0 {
			p.Name = fmt.Sprintf("%s, series %d", p.Name, round+1)
			p.ID = domain.Slug(p.Name)
		}
		products[i] = p
	}
	return products
}
