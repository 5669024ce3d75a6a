package ratelimit_test

import (
	"fmt"
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

func withKey(key string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("X-API-Key", key) }
}

func TestByHeader(t *testing.T) {
	rdb := mini(t)
	h := open(t, rdb, ratelimit.FixedWindow(1, year),
		ratelimit.By(ratelimit.ByHeader("x-api-key", ratelimit.AlreadyVerified()))).Middleware(hello)
	require.Equal(t, 200, get(h, "/", withKey("secret-of-mine")).Code)
	require.Equal(t, 429, get(h, "/", withKey("secret-of-mine")).Code)
	require.Equal(t, 200, get(h, "/", withKey("another")).Code)
	require.Equal(t, 200, get(h, "/", from("192.0.2.9:1")).Code)
	require.Equal(t, 429, get(h, "/", from("192.0.2.9:1")).Code, "leaving the key out is no way around")
	keys, err := rdb.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	require.Len(t, keys, 3)
	require.NotContains(t, strings.Join(keys, " "), "secret-of-mine")
}

// A client that invents keys is limited by its address, and leaves no more in Redis than that allows.
func TestInventedKeys(t *testing.T) {
	header := ratelimit.ByHeader("X-API-Key")
	known := func(r *http.Request) (string, bool) {
		return "ann", r.Header.Get("X-API-Key") == "anns"
	}
	for name, key := range map[string]ratelimit.KeyFunc{
		"header":       header,
		"own function": func(r *http.Request) string { return header(r) },
		"with more":    ratelimit.Join(header, ratelimit.ByEndpoint()),
		"first":        ratelimit.FirstOf(header, ratelimit.ByIP()),
		"last":         ratelimit.FirstOf(ratelimit.ByUser(known), header),
		"users only":   ratelimit.ByUser(known),
		"two headers":  ratelimit.Join(header, ratelimit.ByHeader("User-Agent")),
	} {
		t.Run(name, func(t *testing.T) {
			rdb := mini(t)
			h := open(t, rdb, ratelimit.FixedWindow(3, year), ratelimit.By(key)).Middleware(hello)
			served := 0
			for i := range 20 {
				res := get(h, "/", func(r *http.Request) {
					withKey(fmt.Sprint("invented", i))(r)
					r.Header.Set("User-Agent", fmt.Sprint("robot", i))
				})
				if res.Code == http.StatusOK {
					served++
				}
				require.Len(t, list(t, res.Header(), "RateLimit-Policy"), 1)
			}
			require.Equal(t, 3, served)
			keys, err := rdb.Keys(t.Context(), "*").Result()
			require.NoError(t, err)
			require.LessOrEqual(t, len(keys), 1+3, "the address, and the keys that it was served under")
		})
	}
}

// Who has been verified is no longer charged to an address.
func TestByUser(t *testing.T) {
	h := open(t, mini(t), ratelimit.FixedWindow(1, year), ratelimit.By(ratelimit.ByUser(func(r *http.Request) (string, bool) {
		return r.URL.Query().Get("user"), r.URL.Query().Has("verified")
	}))).Middleware(hello)
	require.Equal(t, 200, get(h, "/?verified&user=ann", nil).Code)
	require.Equal(t, 200, get(h, "/?verified&user=bob", nil).Code)
	require.Equal(t, 429, get(h, "/?verified&user=ann", from("192.0.2.9:1")).Code, "from anywhere")
	require.Equal(t, 200, get(h, "/?user=cem", nil).Code)
	require.Equal(t, 429, get(h, "/?user=dan", nil).Code, "not verified")
	require.Equal(t, 429, get(h, "/?verified&user=", nil).Code, "nobody")
	require.Panics(t, func() { ratelimit.ByUser(nil) })
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

	mux = http.NewServeMux()
	mux.Handle("/{shop}/", hello)
	outside = open(t, mini(t), ratelimit.FixedWindow(1, year), ratelimit.By(ratelimit.ByEndpoint(mux))).Middleware(mux)
	require.Equal(t, http.StatusTemporaryRedirect, get(outside, "/one", nil).Code)
	require.Equal(t, denied, get(outside, "/another", nil).Code, "a redirect is not to a pattern of the client's")
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
