package consistency_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/consistency"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

type product struct {
	ID    string
	Price int
}

// shop is a store, and a database behind a cache in it.
func shop() (st *store.Store, products *cacheable.Many[string, product], database map[string]product, done func()) {
	rdb, closeRedis := redistest.Example()
	st, err := store.Open(context.Background(), rdb, store.Namespace("shop"), store.Timeout(5*time.Second),
		store.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		panic(err)
	}
	database = map[string]product{"shoe-1": {"shoe-1", 12900}, "shoe-2": {"shoe-2", 9900}, "sock-1": {"sock-1", 900}}
	products = cacheable.NewMany(st, "product", func(_ context.Context, ids []string) (map[string]product, error) {
		found := make(map[string]product)
		for _, id := range ids {
			if p, ok := database[id]; ok {
				found[id] = p
			}
		}
		return found, nil
	})
	if _, err := products.GetAll(context.Background(), []string{"shoe-1", "shoe-2", "sock-1"}); err != nil {
		panic(err)
	}
	return st, products, database, func() {
		_ = st.Close()
		closeRedis()
	}
}

// An audit compares all entries of a cache. A command would take Fix and Resume from its flags.
func ExampleAudit() {
	_, products, database, done := shop()
	defer done()
	database["shoe-2"] = product{"shoe-2", 8900} // by somebody who knows nothing of the cache

	report, err := consistency.Audit(context.Background(), products,
		consistency.Grace(10*time.Millisecond), // the default is 3 s
		consistency.Diff(func(cached, source product) string { return fmt.Sprint(cached.Price, " for ", source.Price) }),
		consistency.Fix())
	fmt.Println(report.Done, report.Entries, report.Checks.Equal, report.Checks.Differs, err)
	for _, f := range report.Findings {
		fmt.Println(f.Key, f.Detail, f.Repaired)
	}
	p, _ := products.Get(context.Background(), "shoe-2")
	fmt.Println(p.Price)
	// Output:
	// true 3 2 1 <nil>
	// shop:{product:shoe-2} 9900 for 8900 true
	// 8900
}

// A monitor compares a sample of the hits while the program runs.
func ExampleNewMonitor() {
	st, products, database, done := shop()
	defer done()
	found := make(chan consistency.Finding)
	monitor := consistency.NewMonitor(products,
		consistency.Sample(1),                  // all of them; the default is 0.01
		consistency.Grace(10*time.Millisecond), // the default is 3 s
		consistency.FixAndReload(),
		consistency.OnFinding(func(f consistency.Finding) { found <- f }))
	defer monitor.Close()

	database["shoe-1"] = product{"shoe-1", 11900}
	_, _ = products.Get(context.Background(), "shoe-1")
	f := <-found
	fmt.Println(f.Class, "cached:", f.Cached, "source:", f.Source, "repaired:", f.Repaired)

	report := monitor.Report() // print it, or encode it as JSON
	fmt.Println(report.Total.Hits, report.Classes[0].Name, st.Stats().Caches["product"].Checks.Differs)
	// Output:
	// shoe-* cached: value source: value repaired: true
	// 1 shoe-* 1
}

// Alerts report when something has been wrong for some time, and when it is over.
func ExampleNewAlerts() {
	st, _, _, done := shop()
	defer done()
	rules := []consistency.Rule{consistency.HitRatioBelow(0.8), consistency.QueueAbove(0), {
		Name: "nobody cares", Raise: 1, Below: true, Clear: 1,
		Values: func(f consistency.Facts) map[string]float64 {
			return map[string]float64{"product": float64(f.Counts["product"].Hits)}
		},
	}}
	received := make(chan consistency.Alert)
	alerts := consistency.NewAlerts(st, consistency.Rules(rules...), consistency.Every(10*time.Millisecond),
		consistency.Notify(func(a consistency.Alert) { received <- a }), consistency.Logger(slog.New(slog.DiscardHandler)))
	defer alerts.Close()
	a := <-received
	fmt.Println(a.Rule, a.Subject, a.Raised, a.Value)
	// Output: nobody cares product true 0
}

// The handlers are for the probes of an orchestrator.
func ExampleHealth() {
	st, _, _, done := shop()
	defer done()
	health := consistency.NewHealth(st)
	mux := http.NewServeMux()
	mux.Handle("/live", health.Live())
	mux.Handle("/ready", health.Ready())

	report := health.Check(context.Background())
	fmt.Println(report.Ready, report.Components[consistency.Redis].Status)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/live", nil))
	fmt.Println(w.Code, w.Body)
	// Output:
	// true ok
	// 200 {"namespace":"shop","status":"ok"}
}
