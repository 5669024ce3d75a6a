package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// live says that the process answers, and nothing of what it depends on: a restart would not bring the database back.
func (a api) live(w http.ResponseWriter, r *http.Request) {
	a.sendJSON(w, r, http.StatusOK, "application/json", map[string]string{"status": "alive"})
}

// ready is about MongoDB alone. Redis is reported, but without it every answer is still right, only slower.
func (a api) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
	defer cancel()
	mongo, redis := probe(ctx, a.Mongo), probe(ctx, a.Redis)
	report := map[string]string{"status": "ready", "mongodb": mongo(), "redis": redis()}
	status := http.StatusOK
	if report["mongodb"] != "up" {
		report["status"], status = "not ready", http.StatusServiceUnavailable
	}
	a.sendJSON(w, r, status, "application/json", report)
}

// probeTimeout is shorter than the patience of those who ask; Kubernetes gives up after a second.
const probeTimeout = 800 * time.Millisecond

// probe starts a ping and returns how to wait for it. The wait ends with ctx even where the ping does not: a client
// may take longer than its context, and a probe that hangs looks like a dead process.
func probe(ctx context.Context, ping func(context.Context) error) (state func() string) {
	done := make(chan error, 1)
	go func() { done <- ping(ctx) }()
	return func() string {
		select {
		case err := <-done:
			if err == nil {
				return "up"
			}
		case <-ctx.Done():
		}
		return "down"
	}
}

const indexText = `JollyJet product server: an example of github.com/jollyjet/aside.

Reads are cached in Redis; X-Cache and Server-Timing tell how a request was served. Send it twice to see.

  curl -i BASE/products/herdwerk-anna-chefs-knife-20-cm
  curl -i 'BASE/products?category=audio&active=true&maxPrice=20000&sort=price&order=asc&page=1&limit=5'
      category, currency, minPrice, maxPrice (smallest unit), active=true|false,
      sort=createdAt|updatedAt|name|price|rating|stock|wishlistCount, order=asc|desc, page, limit (at most 100)
  curl -i BASE/products -H 'Content-Type: application/json' -d '{"name":"Herdwerk Frieda Bread Knife","brand":"Herdwerk","category":"kitchen","price":{"amount":6900,"currency":"EUR"},"stock":12}'
  curl -i -X PATCH BASE/products/herdwerk-frieda-bread-knife -H 'Content-Type: application/json' -d '{"stock":11}'
      any of name, description, brand, category, price, stock, images, rating, isActive;
      with "version" it fails with 409 unless that is the product's version
  curl -i -X POST BASE/products/herdwerk-frieda-bread-knife/wishlist
  curl -i -X DELETE BASE/products/herdwerk-frieda-bread-knife

  curl BASE/healthz   the process lives
  curl BASE/readyz    MongoDB answers; Redis is reported

Errors are application/problem+json (RFC 9457).
`

func (a api) index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(strings.ReplaceAll(indexText, "BASE", a.BaseURL)))
}
