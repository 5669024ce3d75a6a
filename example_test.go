package aside_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/store"
)

type Product struct{ ID, Name string }

type RenameInput struct{ ID, Name string }

var ErrNotFound = errors.New("no such product")

// Repository stands for a database.
type Repository struct{ products map[string]Product }

func (r *Repository) FindByID(_ context.Context, id string) (Product, error) {
	fmt.Println("the database is asked for", id)
	p, ok := r.products[id]
	if !ok {
		return Product{}, ErrNotFound
	}
	return p, nil
}

func (r *Repository) Rename(_ context.Context, in RenameInput) (Product, error) {
	p := Product(in)
	r.products[in.ID] = p
	return p, nil
}

// The whole picture: a repository's read and write, decorated.
func Example() {
	server, err := miniredis.Run() // in place of your Redis
	if err != nil {
		panic(err)
	}
	defer server.Close()
	ctx, repo := context.Background(), &Repository{products: map[string]Product{"1": {ID: "1", Name: "Boot"}}}

	rdb := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{server.Addr()}})
	defer rdb.Close()
	st, err := store.Open(ctx, rdb, store.Namespace("shop"), store.Logger(quiet))
	if err != nil {
		panic(err) // the client can't be used; Redis being down is not an error
	}
	defer st.Close()

	products := cacheable.New(st, "product", repo.FindByID,
		cacheable.TTL(10*time.Minute),
		cacheable.NotFound(func(err error) bool { return errors.Is(err, ErrNotFound) }, time.Minute))
	rename := evict.Around(repo.Rename, evict.Key(products, func(in RenameInput) string { return in.ID }))

	for range 2 {
		p, _ := products.Get(ctx, "1")
		fmt.Println(p.Name)
	}
	_, _ = rename(ctx, RenameInput{ID: "1", Name: "Trail Boot"})
	p, _ := products.Get(ctx, "1")
	fmt.Println(p.Name)

	for range 2 {
		_, err := products.Get(ctx, "2")
		fmt.Println(errors.Is(err, ErrNotFound))
	}
	// Output:
	// the database is asked for 1
	// Boot
	// Boot
	// the database is asked for 1
	// Trail Boot
	// the database is asked for 2
	// true
	// true
}
