package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/jollyjet/aside/internal/redistest"
)

func sentinelURL(t *testing.T) string {
	s := redistest.StartSentinel(t)
	return "redis-sentinel://" + strings.Join(s.SentinelAddrs(), ",") + "/" + s.MasterName
}

// TestRedisURLForms: the forms of REDIS_URL besides the plain one, against the real thing.
func TestRedisURLForms(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{
		"cluster":  func(t *testing.T) string { return strings.Join(redistest.StartCluster(t).Addrs(), ",") },
		"sentinel": sentinelURL,
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, map[string]string{"REDIS_URL": url(t), "SEED": "8"})
			p.do(http.StatusOK, "GET", knife, "")
			p.get(knife, "hit")
			p.do(http.StatusOK, "GET", "/products", "")
			p.do(http.StatusOK, "PATCH", knife, `{"stock":7}`)
			if got := product(t, p.get(knife, "hit")); got.Stock != 7 {
				t.Errorf("stock %d, want 7", got.Stock)
			}
			p.get("/products", "miss")
		})
	}
}
