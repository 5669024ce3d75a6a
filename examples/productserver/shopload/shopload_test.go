package main

import (
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
	"github.com/jollyjet/aside/examples/productserver/internal/usecase"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silence{})
	goleak.VerifyTestMain(m)
}

func noEnv(string) string { return "" }

func TestTheShopGetsWhatItAskedFor(t *testing.T) {
	args := []string{
		"-redis", miniredis.RunT(t).Addr(), "-requests=2000", "-products=40", "-rate=1000", "-write-time=1ms", "-lists=0.02",
	}
	s, err := parse(args, noEnv, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r, err := measure(t.Context(), s, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	r.print(&out)
	t.Log(out.String())
	if r.plain.stale != 0 || r.cached.stale != 0 || r.plain.judged < 1500 || r.cached.judged < 1500 {
		t.Errorf("of %d and %d versions %d and %d are stale", r.plain.judged, r.cached.judged, r.plain.stale, r.cached.stale)
	}
	c := r.caches["product"]
	if int64(len(r.cached.hits["product"])) != served(c) || reads(c)+reads(r.caches["products"]) != int64(len(r.cached.reads)) {
		t.Errorf("the callers saw %d hits of %d reads, the library %+v", len(r.cached.hits["product"]), len(r.cached.reads), c)
	}
	if r.plain.queries < int64(len(r.plain.reads)) || r.cached.writes != r.plain.writes || r.cached.queries >= r.plain.queries {
		t.Errorf("queries: %d without the cache, %d with it", r.plain.queries, r.cached.queries)
	}
}

// forgetful are use cases that remember what they have read for good.
func forgetful(plain usecase.UseCases) usecase.UseCases {
	seen := make(map[string]domain.Product)
	get := plain.Get
	plain.Get = func(ctx context.Context, id string) (p domain.Product, err error) {
		if p, ok := seen[id]; ok {
			return p, nil
		}
		p, err = get(ctx, id)
		seen[id] = p
		return p, err
	}
	return plain
}

// The judge must find out a cache that is wrong, and acquit one caller who reads what it has written.
func TestTheJudge(t *testing.T) {
	products := catalogue(5)
	w := workload{requests: 500, products: len(products), writes: .2, lists: .1, zipf: 1, seed: 7}
	for name, tt := range map[string]struct {
		shop  func(usecase.UseCases) usecase.UseCases
		stale bool
	}{
		"honest":    {func(plain usecase.UseCases) usecase.UseCases { return plain }, false},
		"forgetful": {forgetful, true},
	} {
		plain := usecase.New(newStandIn(products, 0, 0), time.Now)
		pages := pagesOf(products)
		p := phase{products: products, pages: pages, requests: w.plan(len(pages)), nodes: []usecase.UseCases{tt.shop(plain)}, judge: newJudge(products)}
		if _, err := p.run(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if got := p.judge.stale.Load() > 0; got != tt.stale || p.judge.judged.Load() < 350 {
			t.Errorf("%s: %d of %d versions are stale", name, p.judge.stale.Load(), p.judge.judged.Load())
		}
	}
}

// A write that was under way when the read began does not make it stale; one that had returned does.
func TestWhatIsStale(t *testing.T) {
	products := catalogue(2)
	version := func(n int64) domain.Product { p := products[0]; p.Version = n; return p }
	j := newJudge(products)
	j.wrote(version(3))
	j.wrote(version(2)) // returned later, but is older
	end, endAll := j.begin(0), j.beginAll()
	j.wrote(version(4))
	end(version(3))
	endAll([]domain.Product{version(3), products[1]})
	if n := j.stale.Load(); n != 0 {
		t.Errorf("%d are called stale and are not", n)
	}
	end(version(2))
	endAll([]domain.Product{version(2)})
	j.begin(0)(version(3))
	if n := j.stale.Load(); n != 3 {
		t.Errorf("%d of 3 stale reads are found", n)
	}
}

func TestTheWorkloadIsWhatItSays(t *testing.T) {
	w := workload{requests: 200_000, products: 100, writes: .05, lists: .1, zipf: 1, seed: 3}
	plan := w.plan(10)
	if !slices.Equal(plan, w.plan(10)) {
		t.Error("the same seed makes other requests")
	}
	kinds, asked := make(map[kind]float64), make(map[int]float64)
	for _, r := range plan {
		kinds[r.kind]++
		if r.kind != list {
			asked[r.product]++
		}
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > .05*want {
			t.Errorf("%s: %v, want about %v", what, got, want)
		}
	}
	n := float64(len(plan))
	near("writes", (kinds[update]+kinds[toggle])/n, .05)
	near("updates", kinds[update]/(kinds[update]+kinds[toggle]), .5)
	near("lists", kinds[list]/(kinds[list]+kinds[get]), .1)
	counts := slices.Sorted(func(yield func(float64) bool) {
		for _, c := range asked {
			if !yield(-c) {
				return
			}
		}
	})
	near("the first beside the second", counts[0]/counts[1], 2)
	near("the first beside the tenth", counts[0]/counts[9], 10)

	even := newZipf(4, 0)
	rng := rand.New(rand.NewPCG(1, 2))
	drawn := make([]float64, 4)
	for range 10_000 {
		drawn[even.draw(rng)]++
	}
	near("with an exponent of 0 all are alike", slices.Min(drawn), slices.Max(drawn))
}

func TestTheCatalogueHasNoTwins(t *testing.T) {
	ids := make(map[string]bool)
	for _, p := range catalogue(1000) {
		ids[p.ID] = true
		if !domain.ValidID(p.ID) {
			t.Errorf("%q is no id", p.ID)
		}
	}
	if len(ids) != 1000 {
		t.Errorf("%d ids", len(ids))
	}
}

func TestErrorsEndThePhase(t *testing.T) {
	products, failure := catalogue(3), errors.New("no database")
	plain := usecase.UseCases{Get: func(context.Context, string) (domain.Product, error) { return domain.Product{}, failure }}
	w := workload{requests: 1000, products: 3, zipf: 1}
	p := phase{products: products, requests: w.plan(1), nodes: []usecase.UseCases{plain}, judge: newJudge(products)}
	if _, err := p.run(t.Context(), 4); !errors.Is(err, failure) {
		t.Errorf("%v", err)
	}
}

func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"-help"}, 0, "-zipf"},
		{[]string{"-requests=0"}, 2, "-requests=0"},
		{[]string{"-writes=1.5", "-lists=-1"}, 2, "-lists=-1"},
		{[]string{"-zipf=NaN"}, 2, "-zipf=NaN"},
		{[]string{"-rate=-1"}, 2, "-rate must not be negative"},
		{[]string{"now"}, 2, `unexpected argument "now"`},
		{[]string{"-redis=127.0.0.1:1"}, 1, "ask Redis"},
	} {
		var out strings.Builder
		if code := run(t.Context(), tt.args, noEnv, &out); code != tt.code || !strings.Contains(out.String(), tt.says) {
			t.Errorf("%v: exit code %d, want %d: %s", tt.args, code, tt.code, out.String())
		}
	}
}
