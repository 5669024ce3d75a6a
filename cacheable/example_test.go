package cacheable_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// exampleStore stands for a store that the program opens once, with its own client.
func exampleStore() (st *store.Store, done func()) {
	rdb, closeRedis := redistest.Example()
	st, err := store.Open(context.Background(), rdb, store.Namespace("shop"),
		store.Timeout(patient), store.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		panic(err)
	}
	return st, func() {
		_ = st.Close()
		closeRedis()
	}
}

type Product struct {
	ID, Name string
	Cents    int
}

var ErrNoProduct = errors.New("no such product")

// findProduct stands for a query of the database.
func findProduct(_ context.Context, id string) (Product, error) {
	fmt.Println("looking for", id)
	if id != "p1" {
		return Product{}, ErrNoProduct
	}
	return Product{ID: id, Name: "Lamp", Cents: 1999}, nil
}

func ExampleNew() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	products := cacheable.New(st, "product", findProduct, cacheable.TTL(10*time.Minute))

	for range 2 {
		p, err := products.Get(ctx, "p1")
		fmt.Println(p.Name, err)
	}
	// Output:
	// looking for p1
	// Lamp <nil>
	// Lamp <nil>
}

// Get has the signature of the loader, so it takes its place.
func ExampleCacheable_Get() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	find := findProduct
	find = cacheable.New(st, "product", find).Get

	p, _ := find(ctx, "p1")
	p, _ = find(ctx, p.ID)
	fmt.Println(p.Name)
	// Output:
	// looking for p1
	// Lamp
}

// An argument with several fields needs no key of its own.
func ExampleCacheable_Get_structArgument() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	type query struct {
		Category string
		Page     int
	}
	lists := cacheable.New(st, "list", func(_ context.Context, q query) ([]string, error) {
		return []string{fmt.Sprint(q.Category, " ", q.Page)}, nil
	})

	list, _ := lists.Get(ctx, query{"lamps", 1})
	fmt.Println(list, lists.EntryKey(query{"lamps", 1}))
	// Output:
	// [lamps 1] shop:{list:lamps,1}
}

// Entries of different caches that have a tag in common are evicted together.
func ExampleTags() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	products := cacheable.New(st, "product", findProduct,
		cacheable.Tags(func(id string) []string { return []string{"catalogue", "product " + id} }))
	prices := cacheable.New(st, "price", func(context.Context, string) (int, error) { return 1999, nil },
		cacheable.Tags(func(id string) []string { return []string{"product " + id} }))
	_, _ = products.Get(ctx, "p1")
	_, _ = prices.Get(ctx, "p1")

	_ = evict.ByTag(ctx, st, "product p1")

	_, inProducts, _ := products.Peek(ctx, "p1")
	_, inPrices, _ := prices.Peek(ctx, "p1")
	fmt.Println(inProducts, inPrices)
	// Output:
	// looking for p1
	// false false
}

// That there is nothing is worth knowing, too.
func ExampleNotFound() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	products := cacheable.New(st, "product", findProduct,
		cacheable.NotFound(func(err error) bool { return errors.Is(err, ErrNoProduct) }, time.Minute))

	for range 2 {
		_, err := products.Get(ctx, "p9")
		fmt.Println(errors.Is(err, ErrNoProduct))
	}
	// Output:
	// looking for p9
	// true
	// true
}

// WithInfo tells where the answers came from, for instance to say so in the header of a response.
func ExampleWithInfo() {
	st, done := exampleStore()
	defer done()

	products := cacheable.New(st, "product", findProduct)

	ctx, calls := cacheable.WithInfo(context.Background())
	_, _ = products.Get(ctx, "p1")
	_, _ = products.Get(ctx, "p1")
	for _, info := range calls.All() {
		fmt.Println(info.Cache, info.Source)
	}
	// Output:
	// looking for p1
	// product miss
	// product hit
}

// Refresh replaces a value while others go on reading it.
func ExampleCacheable_Refresh() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	products := cacheable.New(st, "product", findProduct)
	_, _ = products.Get(ctx, "p1")

	p, err := products.Refresh(ctx, "p1")
	fmt.Println(p.Name, err)
	// Output:
	// looking for p1
	// looking for p1
	// Lamp <nil>
}

func ExampleCacheable_Evict() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	products := cacheable.New(st, "product", findProduct)
	_, _ = products.Get(ctx, "p1")

	err := products.Evict(ctx, "p1", "p2")
	_, cached, _ := products.Peek(ctx, "p1")
	fmt.Println(cached, err)
	// Output:
	// looking for p1
	// false <nil>
}

// Each argument that is not made of strings, integers and booleans needs a key.
func ExampleKey() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	days := cacheable.New(st, "day", func(_ context.Context, t time.Time) (string, error) { return t.Weekday().String(), nil },
		cacheable.Key(func(t time.Time) string { return t.UTC().Format(time.DateOnly) }))

	day, _ := days.Get(ctx, time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC))
	fmt.Println(day)
	// Output:
	// Tuesday
}

// A product is evicted with all others of its category, which only the product itself tells.
func ExampleTagsOf() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	products := cacheable.New(st, "product", findProduct,
		cacheable.TagsOf(func(_ string, p Product) []string { return []string{"name " + p.Name} }))
	_, _ = products.Get(ctx, "p1")
	_, _ = products.Get(ctx, "p1")

	_ = evict.ByTag(ctx, st, "name Lamp")

	_, _ = products.Get(ctx, "p1")
	// Output:
	// looking for p1
	// looking for p1
}

// A loader of two arguments.
func ExamplePack2() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	convert := func(_ context.Context, cents int, currency string) (string, error) {
		fmt.Println("converting", cents)
		return fmt.Sprintf("%d.%02d %s", cents/100, cents%100, currency), nil
	}
	prices := cacheable.New(st, "price", cacheable.Pack2(convert))
	convert = cacheable.Unpack2(prices.Get) // the same type as before

	for range 2 {
		price, _ := convert(ctx, 1999, "EUR")
		fmt.Println(price)
	}
	_ = prices.Evict(ctx, cacheable.Args2[int, string]{A: 1999, B: "EUR"})
	// Output:
	// converting 1999
	// 19.99 EUR
	// 19.99 EUR
}

// A session-like value that lives for as long as it is used, but for no longer than a day.
// A page reads products one by one, another one reads many: two caches with the same entries.
func ExampleShared() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	findAll := func(_ context.Context, ids []string) (map[string]Product, error) {
		fmt.Println("looking for all of", ids)
		return map[string]Product{"p2": {ID: "p2", Name: "Vase"}}, nil
	}
	one := cacheable.New(st, "product", findProduct, cacheable.Shared())
	many := cacheable.NewMany(st, "product", findAll, cacheable.Shared())

	p, _ := one.Get(ctx, "p1")
	fmt.Println(p.Name)
	all, _ := many.GetAll(ctx, []string{"p1", "p2"})
	fmt.Println(all["p1"].Name, all["p2"].Name)
	// Output:
	// looking for p1
	// Lamp
	// looking for all of [p2]
	// Lamp Vase
}

// The hash of the password is not for the cache: a user that comes from there has none.
func ExampleLossy() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	type user struct {
		Name string
		Hash string `json:"-"`
	}
	users := cacheable.New(st, "user", func(context.Context, int) (user, error) {
		return user{"Ann", "x9f3"}, nil
	}, cacheable.Lossy())

	for range 2 {
		u, _ := users.Get(ctx, 1)
		fmt.Printf("%q %q\n", u.Name, u.Hash)
	}
	// Output:
	// "Ann" "x9f3"
	// "Ann" ""
}

// The tags are a set: their order does not matter.
func ExampleEqual() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	type article struct{ Tags []string }
	articles := cacheable.New(st, "article", func(context.Context, int) (article, error) {
		return article{[]string{"go", "redis"}}, nil
	}, cacheable.Equal(func(a, b article) bool { return len(a.Tags) == len(b.Tags) }))

	for range 2 {
		a, _ := articles.Get(ctx, 1)
		fmt.Println(a.Tags)
	}
	fmt.Println(st.Stats().Caches["article"].Lossy, "values came back different")
	// Output:
	// [go redis]
	// [go redis]
	// 0 values came back different
}

func ExampleSliding() {
	st, done := exampleStore()
	defer done()

	products := cacheable.New(st, "product", findProduct, cacheable.TTL(24*time.Hour), cacheable.Sliding(30*time.Minute))
	p, _ := products.Get(context.Background(), "p1")
	fmt.Println(p.Name)
	// Output:
	// looking for p1
	// Lamp
}

// A value that is too large for a Redis that is shared is returned and not stored.
func ExampleMaxBytes() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	reports := cacheable.New(st, "report", func(_ context.Context, pages int) (string, error) {
		fmt.Println("writing", pages, "pages")
		return strings.Repeat("All is well. ", pages), nil
	}, cacheable.MaxBytes(1000))

	for _, pages := range []int{1, 1, 100, 100} {
		_, _ = reports.Get(ctx, pages)
	}
	fmt.Println("too large:", st.Stats().Caches["report"].TooLarge)
	// Output:
	// writing 1 pages
	// writing 100 pages
	// writing 100 pages
	// too large: 2
}
