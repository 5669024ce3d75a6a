package ratelimit_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

// statuses sends requests through a handler, and returns what they are answered with.
func statuses(h http.Handler, requests ...*http.Request) (codes []int) {
	for _, r := range requests {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		codes = append(codes, w.Code)
	}
	return codes
}

func request(method, target, header, value string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set(header, value)
	return r
}

// Two clients behind one proxy, httptest's 192.0.2.1.
func ExampleClientIP() {
	rdb, done := redistest.Example() // your own client
	defer done()

	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(1, time.Hour),
		ratelimit.ClientIP(ratelimit.TrustedProxies(netip.MustParsePrefix("192.0.2.0/24"))))
	defer limiter.Close()
	handler := limiter.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	fmt.Println(statuses(handler,
		request("GET", "/", "X-Forwarded-For", "198.51.100.1"),
		request("GET", "/", "X-Forwarded-For", "198.51.100.2"),
		request("GET", "/", "X-Forwarded-For", "1.1.1.1, 198.51.100.1")))
	// Output: [200 200 429]
}

// Two proxies, whose addresses are not known.
func ExampleTrustedHops() {
	rdb, done := redistest.Example() // your own client
	defer done()

	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(1, time.Hour), ratelimit.ClientIP(ratelimit.TrustedHops(2)))
	defer limiter.Close()
	handler := limiter.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	fmt.Println(statuses(handler,
		request("GET", "/", "X-Forwarded-For", "198.51.100.1, 203.0.113.1"),
		request("GET", "/", "X-Forwarded-For", "1.1.1.1, 198.51.100.1, 203.0.113.2")))
	// Output: [200 429]
}

// A reverse proxy on the same machine, over a Unix socket.
func ExampleTrustUnixSocket() {
	rdb, done := redistest.Example() // your own client
	defer done()

	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(1, time.Hour), ratelimit.ClientIP(ratelimit.TrustUnixSocket()))
	defer limiter.Close()
	handler := limiter.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	one := request("GET", "/", "X-Forwarded-For", "198.51.100.1")
	two := request("GET", "/", "X-Forwarded-For", "198.51.100.2")
	one.RemoteAddr, two.RemoteAddr = "@", "@"
	fmt.Println(statuses(handler, one, two, one))
	// Output: [200 200 429]
}

func ExampleByUser() {
	rdb, done := redistest.Example() // your own client
	defer done()

	owners := map[string]string{"key-of-ann": "ann", "key-of-bob": "bob"} // your own authentication
	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(1, time.Hour),
		ratelimit.By(ratelimit.ByUser(func(r *http.Request) (string, bool) {
			owner, ok := owners[r.Header.Get("X-API-Key")]
			return owner, ok
		})))
	defer limiter.Close()
	handler := limiter.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	fmt.Println("verified:", statuses(handler,
		request("GET", "/", "X-API-Key", "key-of-ann"), request("GET", "/", "X-API-Key", "key-of-bob")))
	fmt.Println("invented:", statuses(handler,
		request("GET", "/", "X-API-Key", "invented-1"), request("GET", "/", "X-API-Key", "invented-2")))
	// Output:
	// verified: [200 200]
	// invented: [200 429]
}

// The header has not been verified, so the address is charged too.
func ExampleByHeader() {
	rdb, done := redistest.Example() // your own client
	defer done()

	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(2, time.Hour), ratelimit.By(ratelimit.ByHeader("X-API-Key")))
	defer limiter.Close()
	handler := limiter.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	fmt.Println(statuses(handler,
		request("GET", "/", "X-API-Key", "invented-1"), request("GET", "/", "X-API-Key", "invented-2"),
		request("GET", "/", "X-API-Key", "invented-3")))
	// Output: [200 200 429]
}

// The header has been verified before, by a gateway for instance.
func ExampleAlreadyVerified() {
	rdb, done := redistest.Example() // your own client
	defer done()

	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(1, time.Hour),
		ratelimit.By(ratelimit.ByHeader("X-Tenant", ratelimit.AlreadyVerified())))
	defer limiter.Close()
	handler := limiter.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	fmt.Println(statuses(handler,
		request("GET", "/", "X-Tenant", "a"), request("GET", "/", "X-Tenant", "b"), request("GET", "/", "X-Tenant", "a")))
	// Output: [200 200 429]
}
