package cacheable_test

import (
	"context"
	"fmt"
	"time"

	"github.com/jollyjet/aside/cacheable"
)

// A page of a catalogue may be a minute old without harm. After that readers get the old one for another hour, while it is
// loaded again in the background.
func ExampleStaleWhileRevalidate() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	loaded := make(chan struct{}, 10)
	pages := cacheable.New(st, "page", func(_ context.Context, n int) (string, error) {
		loaded <- struct{}{}
		return fmt.Sprint("page ", n), nil
	}, cacheable.TTL(time.Minute), cacheable.StaleWhileRevalidate(time.Hour))

	_, info, _ := pages.GetInfo(ctx, 1)
	<-loaded
	fmt.Println(info.Source)
	_ = pages.Expire(ctx, 1) // as after a minute
	page, info, _ := pages.GetInfo(ctx, 1)
	fmt.Println(page, info.Source)
	<-loaded
	fmt.Println("loaded again")
	// Output:
	// miss
	// page 1 stale
	// loaded again
}

// Sold-out products change soon, the others seldom.
func ExampleStaleWhileRevalidateOf() {
	st, done := exampleStore()
	defer done()

	stock := cacheable.New(st, "stock", func(context.Context, string) (int, error) { return 0, nil },
		cacheable.StaleWhileRevalidateOf(func(_ string, left int) time.Duration {
			if left == 0 {
				return 0
			}
			return time.Hour
		}))
	left, err := stock.Get(context.Background(), "p1")
	fmt.Println(left, err)
	// Output: 0 <nil>
}

// An old price is better than none for an hour, but no special offer outlives its end.
func ExampleFailSafeOf() {
	st, done := exampleStore()
	defer done()

	type price struct {
		Cents int
		Until time.Time // zero for ever
	}
	prices := cacheable.New(st, "price", func(context.Context, string) (price, error) { return price{Cents: 999}, nil },
		cacheable.FailSafeOf(func(_ string, p price) time.Duration {
			if p.Until.IsZero() {
				return time.Hour
			}
			return min(time.Hour, time.Until(p.Until))
		}))
	p, err := prices.Get(context.Background(), "p1")
	fmt.Println(p.Cents, err)
	// Output: 999 <nil>
}

// The source is asked for a document only if it has another version.
func ExampleReload() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	type document struct {
		Version int
		Text    string
	}
	docs := cacheable.New(st, "document", func(context.Context, string) (document, error) {
		fmt.Println("whole document")
		return document{1, "text"}, nil
	}, cacheable.Reload(func(_ context.Context, _ string, old document) (document, error) {
		fmt.Println("newer than version", old.Version)
		return document{}, cacheable.ErrNotModified
	}, 24*time.Hour))

	for range 2 {
		doc, err := docs.Get(ctx, "d1")
		fmt.Println(doc.Text, err)
		_ = docs.Expire(ctx, "d1") // as after its time to live
	}
	// Output:
	// whole document
	// text <nil>
	// newer than version 1
	// text <nil>
}
