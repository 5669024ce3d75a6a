package ratelimit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

// A limit that is asked by hand, and answered as the middleware answers.
func ExampleLimiter_Deny() {
	rdb, done := redistest.Example() // your own client
	defer done()

	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(1, time.Hour), ratelimit.FailClosed())
	defer limiter.Close()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result, err := limiter.Allow(r.Context(), "form:"+r.FormValue("form"))
		switch {
		case err != nil:
			limiter.Fail(w, r, err)
		case !result.Allowed:
			limiter.Deny(w, r, result)
		default:
			limiter.SetHeaders(w.Header(), result)
		}
	})
	fmt.Println(statuses(handler, httptest.NewRequest("GET", "/?form=a", nil), httptest.NewRequest("GET", "/?form=a", nil)))
	// Output: [200 429]
}

// What the middleware would ask for, together with a limit of one's own.
func ExampleLimiter_Asks() {
	rdb, done := redistest.Example() // your own client
	defer done()

	address := ratelimit.New(rdb, ratelimit.SlidingWindow(10, time.Hour), ratelimit.Name("address"))
	defer address.Close()
	account := ratelimit.New(rdb, ratelimit.SlidingWindow(1, time.Hour), ratelimit.Name("account"))
	defer account.Close()
	r := httptest.NewRequest("POST", "/login?account=ann", nil)
	for range 2 {
		asks := append(address.Asks(r), ratelimit.Ask{Limiter: account, Key: r.FormValue("account"), N: 1})
		results, err := ratelimit.AllowAll(r.Context(), asks...)
		fmt.Println(results[len(results)-1].Allowed, err)
	}
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleLimiter_AllowAtMost() {
	rdb, done := redistest.Example() // your own client
	defer done()

	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(10, time.Hour))
	defer limiter.Close()
	for range 3 {
		r, granted, err := limiter.AllowAtMost(context.Background(), "import", 7)
		fmt.Println(r.Allowed, granted, err)
	}
	// Output:
	// true 7 <nil>
	// true 3 <nil>
	// false 0 <nil>
}

func ExamplePolicyOf() {
	rdb, done := redistest.Example() // your own client
	defer done()

	free, pro := ratelimit.FixedWindow(1, 8784*time.Hour), ratelimit.FixedWindow(100, 8784*time.Hour)
	limiter := ratelimit.New(rdb, free, ratelimit.PolicyOf(func(key string) ratelimit.Policy {
		if strings.HasPrefix(key, "pro:") {
			return pro
		}
		return nil // the limiter's own
	}))
	defer limiter.Close()
	for _, key := range []string{"free:ann", "pro:bob"} {
		r, _ := limiter.Allow(context.Background(), key)
		fmt.Println(key, r.Remaining, "of", r.Limit)
	}
	// Output:
	// free:ann 0 of 1
	// pro:bob 99 of 100
}

func ExampleLimiter_With() {
	rdb, done := redistest.Example() // your own client
	defer done()

	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(10, time.Hour))
	defer limiter.Close()
	r, _ := limiter.With(ratelimit.SlidingWindow(2, time.Minute)).Allow(context.Background(), "upload:ann")
	fmt.Println(r.Remaining, "of", r.Limit)
	// Output: 1 of 2
}

func ExampleHeaders() {
	rdb, done := redistest.Example() // your own client
	defer done()

	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(10, time.Hour), ratelimit.Headers(ratelimit.XRateLimitHeaders()))
	defer limiter.Close()
	w := httptest.NewRecorder()
	limiter.Middleware(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Printf("%s of %s %q\n", w.Header().Get("X-RateLimit-Remaining"), w.Header().Get("X-RateLimit-Limit"), w.Header().Get("RateLimit"))
	// Output: 9 of 10 ""
}

func ExampleOnError() {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}) // where no Redis is
	defer func() { _ = rdb.Close() }()

	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(10, time.Hour), ratelimit.FailClosed(),
		ratelimit.OnError(func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "come back soon", http.StatusServiceUnavailable)
		}))
	defer limiter.Close()
	w := httptest.NewRecorder()
	limiter.Middleware(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 503 come back soon
}

func ExampleObserveKeys() {
	rdb, done := redistest.Example() // your own client
	defer done()

	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(10, time.Hour), ratelimit.ObserveKeys(),
		ratelimit.Observe(func(e ratelimit.Event) { fmt.Println(e.Limiter, e.Key, e.Result.Allowed) }))
	defer limiter.Close()
	_, _ = limiter.Allow(context.Background(), "user:42")
	// Output: default user:42 true
}

func ExampleTable_For() {
	rdb, done := redistest.Example() // your own client
	defer done()

	table, err := ratelimit.NewTable(rdb, []ratelimit.Rule{{Name: "login", Policy: "exact 1/1h"}}, ratelimit.Unlimited())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer table.Close()
	login := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	mux := http.NewServeMux() // or a router of chi, gin, echo: see examples/routers
	mux.Handle("POST /login", table.For("login")(login))
	fmt.Println(statuses(mux, httptest.NewRequest("POST", "/login", nil), httptest.NewRequest("POST", "/login", nil)))
	// Output: [200 429]
}
