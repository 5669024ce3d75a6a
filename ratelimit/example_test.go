package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"time"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

func Example() {
	rdb, done := redistest.Example() // your own client
	defer done()

	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(2, time.Hour))
	defer limiter.Close()
	for range 3 {
		r, err := limiter.Allow(context.Background(), "user:42")
		fmt.Println(r.Allowed, r.Remaining, err)
	}
	// Output:
	// true 1 <nil>
	// true 0 <nil>
	// false 0 <nil>
}

func ExampleLimiter_Middleware() {
	rdb, done := redistest.Example() // your own client
	defer done()

	limiter := ratelimit.New(rdb,
		ratelimit.Named("burst", ratelimit.TokenBucket(ratelimit.Per(1, time.Hour), 1)),
		ratelimit.ClientIP(ratelimit.TrustedProxies(netip.MustParsePrefix("10.0.0.0/8"))))
	defer limiter.Close()
	handler := limiter.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "hello")
	}))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(w.Code, w.Body)
	fmt.Println(w.Header().Get("RateLimit-Policy"))
	fmt.Println(w.Header().Get("RateLimit"))
	w = httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(w.Code, w.Body)
	// Output:
	// 200 hello
	// "burst";q=1;w=3600
	// "burst";r=0;t=3600
	// 429 {"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","title":"Request cannot be satisfied as assigned quota has been exceeded","status":429,"violated-policies":["burst"]}
}

func ExampleSliding_Counter() {
	rdb, done := redistest.Example() // your own client
	defer done()

	// Millions of keys, so 30 bytes for each count for more than the last permit.
	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(5, time.Hour).Counter())
	defer limiter.Close()
	r, err := limiter.Allow(context.Background(), "sensor:1")
	fmt.Println(r.Allowed, r.Remaining, err, limiter.Stats().Policy)
	// Output: true 4 <nil> counter 5/1h
}

func ExampleAll() {
	rdb, done := redistest.Example() // your own client
	defer done()

	limiter := ratelimit.New(rdb, ratelimit.All(
		ratelimit.Named("burst", ratelimit.TokenBucket(ratelimit.Per(1, time.Hour), 3)),
		ratelimit.Named("daily", ratelimit.SlidingWindow(1000, 24*time.Hour).Strict(24)),
	))
	defer limiter.Close()
	r, _ := limiter.AllowN(context.Background(), "user:42", 3)
	fmt.Println(r.Allowed, r.Each[0].Remaining, r.Each[1].Remaining)
	r, _ = limiter.Allow(context.Background(), "user:42")
	fmt.Println(r.Allowed, "by", r.Policy, r.Each[0].Remaining, r.Each[1].Remaining)
	// Output:
	// true 0 997
	// false by burst 0 997
}

func ExampleShared() {
	rdb, done := redistest.Example() // your own client
	defer done()

	// Two parts of a program that count the same mails.
	mails := []ratelimit.Option{ratelimit.Name("mails"), ratelimit.Shared()}
	orders := ratelimit.New(rdb, ratelimit.SlidingWindow(10, time.Hour), mails...)
	defer orders.Close()
	newsletter := ratelimit.New(rdb, ratelimit.SlidingWindow(10, time.Hour), mails...)
	defer newsletter.Close()
	_, _ = orders.AllowN(context.Background(), "user:42", 3)
	r, err := newsletter.Allow(context.Background(), "user:42")
	fmt.Println(r.Remaining, err)
	// Output: 6 <nil>
}

func ExampleLimit() {
	rdb, done := redistest.Example() // your own client
	defer done()

	type mail struct{ From, Text string }
	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(1, 24*time.Hour))
	defer limiter.Close()
	send := ratelimit.Limit(
		func(_ context.Context, m mail) (string, error) { return "sent: " + m.Text, nil },
		func(m mail) string { return m.From }, limiter)

	receipt, err := send(context.Background(), mail{"ann", "hello"})
	fmt.Println(receipt, err)
	_, err = send(context.Background(), mail{"ann", "hello again"})
	fmt.Println(errors.Is(err, ratelimit.ErrDenied))
	// Output:
	// sent: hello <nil>
	// true
}

func ExampleLimiter_Refund() {
	rdb, done := redistest.Example() // your own client
	defer done()

	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(10, time.Hour))
	defer limiter.Close()
	r, _ := limiter.AllowN(context.Background(), "user:42", 4)
	fmt.Println(r.Remaining)
	_ = limiter.Refund(context.Background(), r) // nothing came of it
	r, _ = limiter.Peek(context.Background(), "user:42")
	fmt.Println(r.Remaining)
	// Output:
	// 6
	// 10
}

func ExampleLimiter_Acquire() {
	rdb, done := redistest.Example() // your own client
	defer done()

	limiter := ratelimit.New(rdb, ratelimit.Concurrency(1, 30*time.Second))
	defer limiter.Close()
	r, release, _ := limiter.Acquire(context.Background(), "report")
	fmt.Println(r.Allowed)
	second, _, _ := limiter.Acquire(context.Background(), "report")
	fmt.Println(second.Allowed)
	release()
	r, release, _ = limiter.Acquire(context.Background(), "report")
	defer release()
	fmt.Println(r.Allowed)
	// Output:
	// true
	// false
	// true
}

func ExampleLimiter_AcquireContext() {
	rdb, done := redistest.Example() // your own client
	defer done()

	limiter := ratelimit.New(rdb, ratelimit.Concurrency(1, 300*time.Millisecond), ratelimit.Logger(slog.New(slog.DiscardHandler)))
	defer limiter.Close()
	work, r, release, _ := limiter.AcquireContext(context.Background(), "report")
	defer release()
	fmt.Println(r.Allowed)

	_ = limiter.Reset(context.Background(), "report") // the lease is gone, as after a failover, and another gets the permit
	_, other, _ := limiter.Acquire(context.Background(), "report")
	defer other()
	<-work.Done() // so this one stops
	fmt.Println(errors.Is(context.Cause(work), ratelimit.ErrLeaseLost))
	// Output:
	// true
	// true
}

func ExampleNewTable() {
	rdb, done := redistest.Example() // your own client
	defer done()

	rules, err := ratelimit.ParseRules([]byte(`[
		{"match": "POST /login", "policy": "exact 5/1m", "whenAway": "closed"},
		{"match": "/api/", "policy": "burst: bucket 10/1s burst=20 + daily: 100000/24h", "by": ["user"]},
		{"match": "/health", "policy": "unlimited"}
	]`))
	if err != nil {
		fmt.Println(err)
		return
	}
	user := func(r *http.Request) (string, bool) { // your own authentication
		id, ok := r.Context().Value("user").(string)
		return id, ok
	}
	table, err := ratelimit.NewTable(rdb, rules,
		ratelimit.Keys(map[string]ratelimit.KeyFunc{"user": ratelimit.ByUser(user)}),
		ratelimit.Default(ratelimit.TokenBucket(ratelimit.Per(50, time.Second), 100))) // what no rule matches
	if err != nil {
		fmt.Println(err)
		return
	}
	defer table.Close()
	handler := table.Middleware(http.NotFoundHandler())
	for _, target := range []string{"/login", "/api/orders", "/health", "/"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, target, nil))
		fmt.Println(strings.TrimSpace(target + " " + w.Header().Get("RateLimit-Policy")))
	}
	// Output:
	// /login "exact-1m";q=5;w=60
	// /api/orders "burst";q=20;w=2, "daily";q=100000;w=86400
	// /health
	// / "bucket";q=100;w=2
}

func ExampleParsePolicy() {
	p, err := ratelimit.ParsePolicy("burst: bucket 10/1s burst=20 + 1000/1h")
	fmt.Println(p, err)
	// Output: burst: bucket 10/1s burst=20 + sliding 1000/1h <nil>
}
