package ratelimit_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/ratelimit"
)

func TestByIP(t *testing.T) {
	l := open(t, mini(t), ratelimit.FixedWindow(1, 8784*time.Hour), ratelimit.By(ratelimit.ByIP(
		ratelimit.TrustedProxies(netip.MustParsePrefix("10.0.0.0/8")))))
	h := l.Middleware(hello)
	code := func(remote string, forwarded ...string) int {
		return get(h, "/", func(r *http.Request) {
			r.RemoteAddr, r.Header["X-Forwarded-For"] = remote, forwarded
		}).Code
	}
	const ok, denied = http.StatusOK, http.StatusTooManyRequests
	require.Equal(t, ok, code("192.0.2.1:1"))
	require.Equal(t, denied, code("192.0.2.1:2", "1.1.1.1"), "forging is no way around")
	require.Equal(t, denied, code("10.0.0.1:1", "1.1.1.1, 192.0.2.1"))
	require.Equal(t, denied, code("10.0.0.1:1", "::ffff:192.0.2.1"))
	require.Equal(t, ok, code("[2001:db8:0:1::1]:1"))
	require.Equal(t, denied, code("[2001:db8:0:1:ffff::2%eth0]:1"), "one customer's /64")
	require.Equal(t, ok, code("[2001:db8:0:2::1]:1"))
	require.Equal(t, ok, code("@"))
	require.Equal(t, denied, code(""), "those without an address share a key")
	require.Equal(t, ok, code("[::ffff:192.0.2.77]:1"), "IPv4 clients are not one group")
}

func TestByHeader(t *testing.T) {
	rdb := mini(t)
	h := open(t, rdb, ratelimit.FixedWindow(1, 8784*time.Hour), ratelimit.By(ratelimit.ByHeader("x-api-key"))).Middleware(hello)
	key := func(key string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("X-API-Key", key) }
	}
	require.Equal(t, 200, get(h, "/", key("secret-of-mine")).Code)
	require.Equal(t, 429, get(h, "/", key("secret-of-mine")).Code)
	require.Equal(t, 200, get(h, "/", key("another")).Code)
	require.Equal(t, 200, get(h, "/", from("192.0.2.9:1")).Code)
	require.Equal(t, 429, get(h, "/", from("192.0.2.9:1")).Code, "leaving the key out is no way around")
	keys, err := rdb.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	require.Len(t, keys, 3)
	require.NotContains(t, strings.Join(keys, " "), "secret-of-mine")
}

func TestByEndpoint(t *testing.T) {
	const ok, denied = http.StatusOK, http.StatusTooManyRequests
	l := open(t, mini(t), ratelimit.FixedWindow(1, 8784*time.Hour), ratelimit.By(ratelimit.Join(ratelimit.ByIP(), ratelimit.ByEndpoint())))
	inside := http.NewServeMux()
	inside.Handle("GET /products/{id}", l.Middleware(hello))
	inside.Handle("/orders", l.Middleware(hello))
	require.Equal(t, ok, get(inside, "/products/1", nil).Code)
	require.Equal(t, denied, get(inside, "/products/2", nil).Code, "the pattern counts, not the path")
	require.Equal(t, ok, get(inside, "/orders", nil).Code)
	require.Equal(t, ok, get(inside, "/orders", from("192.0.2.99:1")).Code)

	mux := http.NewServeMux()
	mux.Handle("GET /products/{id}", hello)
	outside := open(t, mini(t), ratelimit.FixedWindow(1, 8784*time.Hour), ratelimit.By(ratelimit.ByEndpoint(mux))).Middleware(mux)
	require.Equal(t, ok, get(outside, "/products/1", nil).Code)
	require.Equal(t, denied, get(outside, "/products/2", nil).Code)
	require.Equal(t, http.StatusNotFound, get(outside, "/x", nil).Code)
	require.Equal(t, denied, get(outside, "/y", nil).Code, "paths without a pattern are no keys of their own")
}

func TestFirstOfAndJoin(t *testing.T) {
	user := func(r *http.Request) string { return r.URL.Query().Get("user") }
	key := ratelimit.Join(user, ratelimit.FirstOf(ratelimit.ByHeader("X-API-Key"), ratelimit.ByIP()))
	keyOf := func(target string) string { return key(httptest.NewRequest(http.MethodGet, target, nil)) }
	require.Equal(t, "ann|ip:192.0.2.1", keyOf("/?user=ann"))
	require.Equal(t, "a%7Cb%25|ip:192.0.2.1", keyOf("/?user=a%7Cb%25"), "no part can pass for two")
	require.Empty(t, keyOf("/"))
	require.Empty(t, ratelimit.FirstOf()(nil))
}
