package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
)

func TestTheSecondReadIsAHit(t *testing.T) {
	p := start(t, nil)
	for _, path := range []string{knife, "/products?category=audio", "/products"} {
		miss := p.get(path, "miss")
		hit := p.get(path, "hit")
		if string(miss.body) != string(hit.body) {
			t.Errorf("%s: loaded %s, cached %s", path, miss.body, hit.body)
		}
		if timing := hit.header.Get("Server-Timing"); !strings.HasPrefix(timing, `cache;desc="hit";dur=`) || !strings.Contains(timing, ", total;dur=") {
			t.Errorf("Server-Timing is %q", timing)
		}
	}
	p.get("/products?limit=20&page=1&sort=createdAt&order=desc", "hit") // the default, spelt out
	if a := p.do(http.StatusNotFound, "GET", "/products/IMPOSSIBLE", ""); a.cache() != "bypass" {
		t.Errorf("X-Cache of an impossible id is %q", a.cache())
	}
}

func TestAnAbsenceIsCachedUntilItIsCreated(t *testing.T) {
	p := start(t, nil)
	for _, want := range []string{"miss", "hit"} {
		if a := p.do(http.StatusNotFound, "GET", lamp, ""); a.cache() != want {
			t.Errorf("X-Cache of an absence is %q, want %q", a.cache(), want)
		}
	}
	p.do(http.StatusCreated, "POST", "/products", lampJSON)
	p.get(lamp, "miss")
	p.get(lamp, "hit")
}

func TestWritesAreSeenByTheNextReads(t *testing.T) {
	p := start(t, nil)
	const list = "/products?category=lighting&sort=name&limit=100"
	find := func() *domain.Product {
		for _, item := range page(t, p.get(list, "miss")).Items {
			if "/products/"+item.ID == lamp {
				return &item
			}
		}
		return nil
	}
	warm := func() { p.do(http.StatusOK, "GET", list, ""); p.get(list, "hit") }

	warm()
	p.do(http.StatusCreated, "POST", "/products", lampJSON)
	if find() == nil {
		t.Error("the list lacks what was created")
	}
	p.get(lamp, "miss")

	warm()
	p.do(http.StatusOK, "PATCH", lamp, `{"stock":4}`)
	if item := find(); item == nil || item.Stock != 4 {
		t.Errorf("after the update the list has %+v", item)
	}
	if got := product(t, p.get(lamp, "hit")); got.Stock != 4 { // what was written took the place of what was read
		t.Errorf("after the update the stock is %d", got.Stock)
	}

	warm()
	p.do(http.StatusOK, "POST", lamp+"/wishlist", "")
	if item := find(); item == nil || !item.IsWishlisted {
		t.Errorf("after the toggle the list has %+v", item)
	}
	if got := product(t, p.get(lamp, "hit")); !got.IsWishlisted {
		t.Error("the toggle is not seen")
	}

	warm()
	p.do(http.StatusNoContent, "DELETE", lamp, "")
	if item := find(); item != nil {
		t.Errorf("after the removal the list has %+v", item)
	}
	p.do(http.StatusNotFound, "GET", lamp, "")
}

func TestTwoServersSeeEachOthersWrites(t *testing.T) {
	mongo := openMongo(t)
	env := map[string]string{"MONGO_URI": mongo.URI, "REDIS_URL": miniredis.RunT(t).Addr()}
	a, b := start(t, env), start(t, env)
	for stock := range 5 {
		a.do(http.StatusOK, "GET", knife, "")
		a.get(knife, "hit")
		b.do(http.StatusOK, "PATCH", knife, fmt.Sprintf(`{"stock":%d}`, stock))
		if got := product(t, a.get(knife, "hit")); got.Stock != stock {
			t.Errorf("the other server still sees %d, want %d", got.Stock, stock)
		}
	}
}

func TestRefusedWritesLeaveTheCacheAlone(t *testing.T) {
	p := start(t, nil)
	p.do(http.StatusOK, "GET", "/products", "")
	p.do(http.StatusOK, "GET", knife, "")
	p.do(http.StatusBadRequest, "POST", "/products", `{}`)
	p.do(http.StatusBadRequest, "PATCH", knife, `{"stock":-1}`)
	p.do(http.StatusNotFound, "DELETE", "/products/IMPOSSIBLE", "")
	p.get("/products", "hit")
	p.get(knife, "hit")
}

func TestTheCacheDoesNotOutliveAnEmbeddedDatabase(t *testing.T) {
	env := map[string]string{"REDIS_URL": miniredis.RunT(t).Addr()}
	first := start(t, env)
	first.do(http.StatusCreated, "POST", "/products", lampJSON)
	first.do(http.StatusOK, "GET", lamp, "")
	first.get(lamp, "hit")
	if code := first.stop(); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	start(t, env).do(http.StatusNotFound, "GET", lamp, "")
}

func TestNoToggleIsLost(t *testing.T) {
	p := start(t, nil)
	before := product(t, p.do(http.StatusOK, "GET", knife, ""))
	const clients, each = 8, 5 // an even number of toggles: the flag ends as it began
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range each {
				if a, err := p.send("POST", knife+"/wishlist", ""); err != nil || a.status != http.StatusOK {
					t.Errorf("toggle: %d %v %s", a.status, err, a.body)
				}
			}
		})
	}
	wg.Wait()
	after := product(t, p.do(http.StatusOK, "GET", knife, ""))
	if after.Version != before.Version+clients*each || after.IsWishlisted != before.IsWishlisted || after.WishlistCount != before.WishlistCount {
		t.Errorf("%d toggles took %+v to %+v", clients*each, before, after)
	}
}

func TestEverythingGoesOnWithoutRedis(t *testing.T) {
	redis := miniredis.RunT(t)
	p := start(t, map[string]string{"REDIS_URL": "redis://" + redis.Addr()})
	p.do(http.StatusOK, "GET", knife, "")
	p.get(knife, "hit")
	redis.Close()

	for range 3 {
		p.do(http.StatusOK, "GET", knife, "")
		p.do(http.StatusOK, "GET", "/products", "")
		p.do(http.StatusCreated, "POST", "/products", lampJSON)
		p.do(http.StatusOK, "PATCH", lamp, `{"stock":4}`)
		p.do(http.StatusOK, "POST", lamp+"/wishlist", "")
		if got := product(t, p.do(http.StatusOK, "GET", lamp, "")); got.Stock != 4 || !got.IsWishlisted {
			t.Errorf("read %+v", got)
		}
		p.do(http.StatusNoContent, "DELETE", lamp, "")
		p.do(http.StatusNotFound, "GET", lamp, "")
	}
	ready := decode[map[string]string](t, p.do(http.StatusOK, "GET", "/readyz", ""))
	if ready["redis"] != "down" || ready["status"] != "ready" {
		t.Errorf("readyz says %v", ready)
	}

	if err := redis.Restart(); err != nil {
		t.Fatal(err)
	}
	awaitHit(t, p, knife)
}

// awaitHit reads until the cache answers: when Redis is back is for the breaker to find out.
func awaitHit(t *testing.T, p *program, path string) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if p.do(http.StatusOK, "GET", path, "").cache() == "hit" {
			return
		}
	}
	t.Errorf("%s is never a hit again", path)
}
