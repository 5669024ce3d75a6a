package evict_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// exampleStore represents a store that the program opens once, with its own client.
func exampleStore() (st *store.Store, done func()) {
	rdb, closeRedis := redistest.Example()
	st, err := store.Open(context.Background(), rdb, store.Namespace("shop"), store.Timeout(5*time.Second), store.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		panic(err)
	}
	return st, func() {
		_ = st.Close()
		closeRedis()
	}
}

type Product struct{ ID, Name string }

type RenameInput struct{ ID, Name string }

// Shop represents a repository.
type Shop map[string]Product

func (s Shop) FindByID(_ context.Context, id string) (Product, error) { return s[id], nil }

func (s Shop) Rename(_ context.Context, in RenameInput) (Product, error) {
	s[in.ID] = Product(in)
	return s[in.ID], nil
}

func (s Shop) Delete(_ context.Context, id string) error {
	delete(s, id)
	return nil
}

func ExampleAfter() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	repo := Shop{"p1": {ID: "p1", Name: "Lamp"}}
	products := cacheable.New(st, "product", repo.FindByID)
	rename := evict.After(repo.Rename,
		evict.Key(products, func(in RenameInput) string { return in.ID }),
		evict.Tags(st, func(RenameInput) []string { return []string{"catalogue"} }))

	p, _ := products.Get(ctx, "p1")
	fmt.Println(p.Name)
	_, _ = rename(ctx, RenameInput{ID: "p1", Name: "Desk lamp"})
	p, _ = products.Get(ctx, "p1")
	fmt.Println(p.Name)
	// Output:
	// Lamp
	// Desk lamp
}

// A write that returns only an error.
func ExampleAfterErr() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	repo := Shop{"p1": {ID: "p1", Name: "Lamp"}}
	products := cacheable.New(st, "product", repo.FindByID)
	remove := evict.AfterErr(repo.Delete, evict.Key(products, func(id string) string { return id }))

	_, _ = products.Get(ctx, "p1")
	fmt.Println(remove(ctx, "p1"))
	_, cached, _ := products.Peek(ctx, "p1")
	fmt.Println(cached)
	// Output:
	// <nil>
	// false
}

// During the write the entry is held: if the process dies in the middle, no old value is left behind.
func ExampleAround() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	repo := Shop{"p1": {ID: "p1", Name: "Lamp"}}
	products := cacheable.New(st, "product", repo.FindByID)
	rename := evict.Around(func(ctx context.Context, in RenameInput) (Product, error) {
		_, info, _ := products.GetInfo(ctx, in.ID)
		fmt.Println("during the write:", info.Source)
		return repo.Rename(ctx, in)
	}, evict.Key(products, func(in RenameInput) string { return in.ID }))

	_, _ = rename(ctx, RenameInput{ID: "p1", Name: "Desk lamp"})
	p, info, _ := products.GetInfo(ctx, "p1")
	fmt.Println("after it:", info.Source, p.Name)
	// Output:
	// during the write: bypass
	// after it: miss Desk lamp
}

// The written value replaces the old entry, unless somebody else changes the entry meanwhile.
func ExampleReplace() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	repo := Shop{}
	products := cacheable.New(st, "product", repo.FindByID)
	rename := evict.Around(repo.Rename,
		evict.Replace(products, func(in RenameInput, p Product) (string, Product) { return in.ID, p }))

	_, _ = rename(ctx, RenameInput{ID: "p1", Name: "Desk lamp"})
	p, info, _ := products.GetInfo(ctx, "p1")
	fmt.Println(info.Source, p.Name)
	// Output:
	// hit Desk lamp
}

// The source is read from replicas: their values are not cached until they have applied the write.
func ExampleHoldFor() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	repo := Shop{}
	products := cacheable.New(st, "product", repo.FindByID)
	rename := evict.Around(repo.Rename,
		evict.Key(products, func(in RenameInput) string { return in.ID }),
		evict.HoldFor(2*time.Second))

	_, _ = rename(ctx, RenameInput{ID: "p1", Name: "Desk lamp"})
	_, info, _ := products.GetInfo(ctx, "p1")
	fmt.Println(info.Source)
	// Output:
	// bypass
}

func ExampleByTag() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	repo := Shop{"p1": {ID: "p1", Name: "Lamp"}}
	products := cacheable.New(st, "product", repo.FindByID,
		cacheable.Tags(func(id string) []string { return []string{"catalogue"} }))
	_, _ = products.Get(ctx, "p1")

	fmt.Println(evict.ByTag(ctx, st, "catalogue"))
	_, cached, _ := products.Peek(ctx, "p1")
	fmt.Println(cached)
	// Output:
	// <nil>
	// false
}

func ExampleByPattern() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	products := cacheable.New(st, "product", Shop{}.FindByID)
	for _, id := range []string{"p41", "p42", "p5"} {
		_, _ = products.Get(ctx, id)
	}

	n, err := evict.ByPattern(ctx, st, "product:p4*")
	fmt.Println(n, err)
	// Output:
	// 2 <nil>
}

// Trigger represents a table that database triggers fill, with a row for each change.
type Trigger struct{ rows chan string }

func (tr Trigger) Open(_ context.Context, after string) (evict.Stream[string], error) {
	fmt.Printf("open after %q\n", after)
	return tr, nil
}

func (tr Trigger) Next(ctx context.Context) (evict.Change[string], error) {
	select {
	case id := <-tr.rows:
		return evict.Change[string]{Event: id, Position: "row of " + id, At: time.Now()}, nil
	case <-ctx.Done():
		return evict.Change[string]{}, ctx.Err()
	}
}

func (tr Trigger) Close() error { return nil }

// Somebody changes the database by hand, and the entry is evicted nevertheless.
func ExampleFromChanges() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	repo := Shop{"p1": {ID: "p1", Name: "Lamp"}}
	products := cacheable.New(st, "product", repo.FindByID)
	trigger := Trigger{rows: make(chan string)}
	changes := evict.FromChanges(ctx, st, "products", trigger.Open,
		evict.Key(products, func(id string) string { return id }))
	await := func(done func(evict.ChangesStats) bool) {
		for !done(changes.Stats()) {
			time.Sleep(time.Millisecond)
		}
	}

	await(func(s evict.ChangesStats) bool { return s.Resets == 1 }) // the first time there is no position
	p, _ := products.Get(ctx, "p1")
	fmt.Println(p.Name)

	repo["p1"] = Product{ID: "p1", Name: "Desk lamp"}
	trigger.rows <- "p1"
	await(func(s evict.ChangesStats) bool { return s.Changes == 1 })
	p, _ = products.Get(ctx, "p1")
	fmt.Println(p.Name)
	changes.Close()

	changes = evict.FromChanges(ctx, st, "products", trigger.Open, evict.All[string](products))
	await(func(s evict.ChangesStats) bool { return s.Leading })
	trigger.rows <- "p2"
	changes.Close()
	// Output:
	// open after ""
	// Lamp
	// Desk lamp
	// open after "row of p1"
}
