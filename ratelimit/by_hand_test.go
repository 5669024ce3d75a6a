package ratelimit_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

// What is asked by hand is answered as the middleware answers.
func TestDenyIsWhatTheMiddlewareWrites(t *testing.T) {
	l := open(t, mini(t), ratelimit.FixedWindow(1, year), ratelimit.LegacyHeaders())
	byHand := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		results, err := ratelimit.AllowAll(r.Context(), l.Asks(r)...)
		if err != nil {
			l.Fail(w, r, err)
			return
		}
		if result := results[len(results)-1]; !result.Allowed {
			l.Deny(w, r, result)
			return
		}
		l.SetHeaders(w.Header(), results[0])
		hello(w, r)
	})
	first := get(byHand, "/", nil)
	require.Equal(t, 200, first.Code)
	require.Equal(t, "0", first.Header().Get("X-RateLimit-Remaining"))
	other := get(l.Middleware(hello), "/", from("192.0.2.9:1"))
	for _, h := range []http.Header{first.Header(), other.Header()} { // the time goes on between the two
		h.Del("RateLimit")
	}
	require.Equal(t, other.Header(), first.Header())

	denied, want := get(byHand, "/", nil), get(l.Middleware(hello), "/", nil)
	require.Equal(t, 429, denied.Code)
	require.Equal(t, want.Body.String(), denied.Body.String())
	require.NotEmpty(t, denied.Header().Get("Retry-After"))
	for name := range want.Header() {
		require.Contains(t, denied.Header(), name)
	}
}

func TestAnswerByAccept(t *testing.T) {
	h := open(t, mini(t), ratelimit.FixedWindow(1, year)).Middleware(hello)
	require.Equal(t, 200, get(h, "/", nil).Code)
	for accept, html := range map[string]bool{
		"":    false,
		"*/*": false,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": true,
		"text/html":                         true,
		"application/json, text/html;q=0.9": false,
		"application/json;q=0.5, text/html": true,
		"text/html;q=0, */*":                false,
		"TEXT/HTML ; Q=1":                   true,
		"text/html;q=x":                     false,
	} {
		res := get(h, "/", func(r *http.Request) { r.Header.Set("Accept", accept) })
		require.Equal(t, 429, res.Code, accept)
		require.Equal(t, "Accept", res.Header().Get("Vary"))
		if html {
			require.Equal(t, "text/html; charset=utf-8", res.Header().Get("Content-Type"), accept)
			require.Contains(t, res.Body.String(), "<h1>Too Many Requests</h1>", accept)
		} else {
			require.Equal(t, "application/problem+json", res.Header().Get("Content-Type"), accept)
		}
	}
}

func TestHeaderNames(t *testing.T) {
	names := func(options ...ratelimit.Option) (set []string) {
		h := open(t, mini(t), ratelimit.FixedWindow(1, year), options...).Middleware(hello)
		require.Equal(t, 200, get(h, "/", nil).Code)
		res := get(h, "/", nil)
		require.Equal(t, 429, res.Code)
		for name := range res.Header() {
			if strings.Contains(name, "imit") || strings.Contains(name, "After") {
				set = append(set, name)
			}
		}
		return set
	}
	require.ElementsMatch(t, []string{"Ratelimit", "Ratelimit-Policy", "Retry-After"}, names())
	require.ElementsMatch(t, []string{"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "Retry-After"},
		names(ratelimit.Headers(ratelimit.XRateLimitHeaders())))
	require.ElementsMatch(t, []string{"My-Limit"}, names(ratelimit.Headers(ratelimit.HeaderNames{RateLimit: "My-Limit"})))
	require.Empty(t, names(ratelimit.Headers(ratelimit.HeaderNames{})))
	require.Panics(t, func() { ratelimit.Headers(ratelimit.HeaderNames{Limit: "a b"}) })
	require.Empty(t, names2(t, ratelimit.Shadow()))
	require.NotEmpty(t, names2(t, ratelimit.Shadow(), ratelimit.ShadowHeaders()))
}

// names2 is the RateLimit field of the second request.
func names2(t *testing.T, options ...ratelimit.Option) []string {
	h := open(t, mini(t), ratelimit.FixedWindow(1, year), options...).Middleware(hello)
	require.Equal(t, 200, get(h, "/", nil).Code)
	return get(h, "/", nil).Header().Values("RateLimit")
}

// One answer has a policy's name once, also of limiters within each other.
func TestPolicyNamesAreSentOnce(t *testing.T) {
	rdb := mini(t)
	one := open(t, rdb, ratelimit.FixedWindow(9, year), ratelimit.Name("one"))
	two := open(t, rdb, ratelimit.FixedWindow(2, year), ratelimit.Name("two"))
	for name, h := range map[string]http.Handler{
		"stack": ratelimit.Stack(one, two)(hello), "nested": one.Middleware(two.Middleware(hello)),
		"twice": one.Middleware(one.Middleware(one.Middleware(hello))),
	} {
		for range 3 {
			res := get(h, "/", nil)
			for _, field := range []string{"RateLimit", "RateLimit-Policy"} {
				seen := map[any]bool{}
				for _, item := range list(t, res.Header(), field) {
					require.False(t, seen[item.Value], "%s: %s has %v twice", name, field, item.Value)
					seen[item.Value] = true
				}
			}
			if res.Code == 429 {
				require.Contains(t, res.Header().Get("RateLimit"), "fixed-8784h")
			}
		}
	}
}

func TestPreflights(t *testing.T) {
	preflight := func(r *http.Request) {
		r.Method = http.MethodOptions
		r.Header.Set("Origin", "https://example.com")
		r.Header.Set("Access-Control-Request-Method", "POST")
	}
	h := open(t, mini(t), ratelimit.FixedWindow(1, year)).Middleware(hello)
	for range 3 {
		require.Equal(t, 200, get(h, "/", preflight).Code)
	}
	options := func(r *http.Request) { r.Method = http.MethodOptions }
	require.Equal(t, 200, get(h, "/", options).Code)
	require.Equal(t, 429, get(h, "/", options).Code, "OPTIONS alone is no preflight")
	h = open(t, mini(t), ratelimit.FixedWindow(1, year), ratelimit.LimitPreflights()).Middleware(hello)
	require.Equal(t, 200, get(h, "/", preflight).Code)
	require.Equal(t, 429, get(h, "/", preflight).Code)
}

func TestOnError(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer func() { require.NoError(t, rdb.Close()) }()
	l := open(t, rdb, ratelimit.FixedWindow(1, year), ratelimit.FailClosed(),
		ratelimit.OnError(func(w http.ResponseWriter, _ *http.Request, err error) {
			require.ErrorIs(t, err, ratelimit.ErrUnavailable)
			w.WriteHeader(http.StatusTeapot)
		}))
	res := get(l.Middleware(hello), "/", nil)
	require.Equal(t, http.StatusTeapot, res.Code)
	require.NotEmpty(t, res.Header().Get("Retry-After"))
	errors := l.Stats().Errors
	require.Positive(t, errors)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Allow(ctx, "k")
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, errors, l.Stats().Errors, "a caller that hung up is no error")
}

func TestObserveNamesKeys(t *testing.T) {
	seen := func(options ...ratelimit.Option) (key string) {
		l := open(t, mini(t), ratelimit.FixedWindow(1, year), append(options,
			ratelimit.Observe(func(e ratelimit.Event) { key = e.Key }))...)
		_, err := l.Allow(t.Context(), "ann")
		require.NoError(t, err)
		return key
	}
	require.Equal(t, "ann", seen(ratelimit.ObserveKeys()))
	require.NotContains(t, seen(), "ann")
	require.Len(t, seen(), 22)
}

func TestAllowAtMost(t *testing.T) {
	each(t, func(t *testing.T, rdb redis.UniversalClient, p ratelimit.Policy) {
		l := open(t, rdb, p)
		atMost := func(n, want int) ratelimit.Result {
			t.Helper()
			r, granted, err := l.AllowAtMost(t.Context(), "k", n)
			require.NoError(t, err)
			require.Equal(t, want, granted)
			require.Equal(t, want > 0, r.Allowed)
			return r
		}
		atMost(7, 7)
		last := atMost(100, 3)
		atMost(5, 0)
		require.EqualValues(t, 2, l.Stats().Allowed)
		require.EqualValues(t, 1, l.Stats().Denied, "each call is one decision")
		require.NoError(t, l.Refund(t.Context(), last))
		atMost(5, 3)
		_, _, err := l.AllowAtMost(t.Context(), "k", 0)
		require.ErrorIs(t, err, ratelimit.ErrCost)
	})
}

func TestPolicyOf(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := open(t, rdb, ratelimit.FixedWindow(1, year), ratelimit.PolicyOf(func(key string) ratelimit.Policy {
			switch {
			case strings.HasPrefix(key, "u:pro"):
				return ratelimit.FixedWindow(3, year)
			case strings.HasPrefix(key, "u:work"):
				return ratelimit.All(ratelimit.FixedWindow(2, year), ratelimit.Concurrency(1, year))
			}
			return nil
		}), ratelimit.By(ratelimit.ByUser(func(r *http.Request) (string, bool) { return r.URL.Query().Get("user"), true })))
		h := l.Middleware(hello)
		served := func(user string) (n int, last *httptest.ResponseRecorder) {
			for range 5 {
				if last = get(h, "/?user="+user, nil); last.Code == 200 {
					n++
				}
			}
			return n, last
		}
		n, res := served("pro")
		require.Equal(t, 3, n)
		require.Contains(t, res.Header().Get("RateLimit-Policy"), ";q=3;")
		n, res = served("ann")
		require.Equal(t, 1, n)
		require.Contains(t, res.Header().Get("RateLimit-Policy"), ";q=1;")
		n, _ = served("work")
		require.Equal(t, 2, n, "and its lease was given back each time")
		require.EqualValues(t, 6, l.Stats().Allowed, "one set of counters")

		r, err := l.With(ratelimit.FixedWindow(2, year)).AllowN(t.Context(), "x", 2)
		require.NoError(t, err)
		require.NoError(t, l.Refund(t.Context(), r))
		r, err = l.With(ratelimit.FixedWindow(2, year)).AllowN(t.Context(), "x", 2)
		require.NoError(t, err)
		require.True(t, r.Allowed)
		require.NoError(t, l.Reset(t.Context(), "u:pro"))
		n, _ = served("pro")
		require.Equal(t, 3, n)
	})
}
