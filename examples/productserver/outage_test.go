package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jollyjet/aside/internal/redistest"

	"github.com/jollyjet/aside/examples/productserver/internal/backend"
	"github.com/jollyjet/aside/examples/productserver/internal/repository"
	"github.com/jollyjet/aside/examples/productserver/internal/seed"
)

func openMongo(t *testing.T) *backend.Mongo {
	t.Helper()
	mongo, err := backend.OpenMongo(t.Context(), "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := mongo.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return mongo
}

// TestRedisKilledUnderLoad: twenty clients read and write while a real Redis is killed and comes back.
func TestRedisKilledUnderLoad(t *testing.T) {
	redis := redistest.Start(t)
	p := start(t, map[string]string{"REDIS_URL": redis.Addr(), "SEED": "8"})

	var answered, hits atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				method, path, body := mixed(i, n)
				a, err := p.send(method, path, body)
				if err != nil || a.status >= http.StatusBadRequest {
					t.Errorf("%s %s: %d %v %s", method, path, a.status, err, a.body)
					return
				}
				answered.Add(1)
				if a.cache() == "hit" {
					hits.Add(1)
				}
			}
		})
	}
	more := func(phase string, counter *atomic.Int64, n int64) {
		t.Helper()
		want := counter.Load() + n
		for deadline := time.Now().Add(30 * time.Second); counter.Load() < want; time.Sleep(5 * time.Millisecond) {
			if t.Failed() || time.Now().After(deadline) {
				t.Errorf("%s: %d of %d", phase, counter.Load(), want)
				return
			}
		}
	}
	more("hits before", &hits, 50)
	redis.Kill()
	more("answers while Redis is away", &answered, 60)
	redis.Restart()
	more("hits after", &hits, 50)
	close(stop)
	wg.Wait()
	t.Logf("%d requests, %d hits", answered.Load(), hits.Load())
}

// mixed is mostly reads of a few products, with a list and a write now and then.
func mixed(client, n int) (method, path, body string) {
	switch n % 20 {
	case 7:
		return "PATCH", knife, fmt.Sprintf(`{"stock":%d}`, client)
	case 13:
		return "GET", "/products?limit=5", ""
	default:
		return "GET", knife, ""
	}
}

func TestMongoAway(t *testing.T) {
	mongo := openMongo(t)
	p := start(t, map[string]string{"MONGO_URI": mongo.URI + "?serverSelectionTimeoutMS=200"})
	p.get(knife, "miss")
	if err := mongo.Stop(); err != nil {
		t.Fatal(err)
	}

	p.get(knife, "hit")
	a := p.do(http.StatusServiceUnavailable, "GET", "/products", "")
	if a.header.Get("Content-Type") != "application/problem+json" || a.header.Get("Retry-After") == "" {
		t.Errorf("headers of the 503: %v", a.header)
	}
	p.do(http.StatusServiceUnavailable, "PATCH", knife, `{"stock":1}`)
	p.do(http.StatusServiceUnavailable, "GET", "/readyz", "")
	p.do(http.StatusOK, "GET", "/healthz", "")
}

func TestServersThatSeedAtOnceSeedOnce(t *testing.T) {
	mongo := openMongo(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			repo := repository.New(mongo.Client.Database("race").Collection("products"))
			if err := repo.Prepare(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := seed.Run(t.Context(), repo, 40, time.Now()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n, err := mongo.Client.Database("race").Collection("products").CountDocuments(t.Context(), map[string]any{})
	if err != nil || n != 40 {
		t.Errorf("%d products, %v", n, err)
	}
}

// TestRedisHangs: a Redis that takes connections and never answers is worse than one that is gone. What a request may
// lose to it is bounded by the store's timeouts.
func TestRedisHangs(t *testing.T) {
	redis := redistest.Start(t)
	p := start(t, map[string]string{"REDIS_URL": redis.Addr(), "SEED": "8", "REDIS_TIMEOUT": "500ms"})
	p.do(http.StatusOK, "GET", knife, "")
	awaitHit(t, p, knife)
	redis.Pause()
	defer redis.Resume()
	begin := time.Now()
	p.do(http.StatusOK, "GET", knife, "")
	p.do(http.StatusOK, "PATCH", knife, `{"stock":7}`)
	if got := product(t, p.do(http.StatusOK, "GET", knife, "")); got.Stock != 7 {
		t.Errorf("stock %d, want 7", got.Stock)
	}
	p.do(http.StatusOK, "GET", "/products", "")
	took := time.Since(begin)
	t.Logf("four requests took %v", took)
	if took > 15*time.Second { // it is two or three on a quiet machine; without timeouts they would never return
		t.Errorf("four requests took %v", took)
	}
	ready := decode[map[string]string](t, p.do(http.StatusOK, "GET", "/readyz", ""))
	if ready["redis"] != "down" {
		t.Errorf("readyz says %v", ready)
	}
	redis.Resume()
	awaitHit(t, p, knife)
	if got := product(t, p.get(knife, "hit")); got.Stock != 7 {
		t.Errorf("the cache came back with a stock of %d, want 7", got.Stock)
	}
}
