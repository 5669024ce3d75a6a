package ratelimit_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/dunglas/httpsfv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/ratelimit"
)

var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })

// get sends one request through a handler; change may be nil.
func get(h http.Handler, target string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func from(addr string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = addr } }

func TestMiddleware(t *testing.T) {
	p := ratelimit.All(
		ratelimit.Named("burst", ratelimit.TokenBucket(ratelimit.Per(2, time.Hour), 2)),
		ratelimit.Named("daily", ratelimit.SlidingWindow(1000, 24*time.Hour)))
	h := open(t, mini(t), p, ratelimit.LegacyHeaders()).Middleware(hello)

	res := get(h, "/", nil)
	require.Equal(t, http.StatusOK, res.Code)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, "hello", string(body))
	require.Equal(t, []string{`"burst";q=2;w=3600, "daily";q=1000;w=86400`}, res.Header().Values("RateLimit-Policy"))
	limits := list(t, res.Header(), "RateLimit")
	require.EqualValues(t, 1, param(t, limits[0], "r"))
	require.EqualValues(t, 999, param(t, limits[1], "r"))
	require.InDelta(t, 1800, param(t, limits[0], "t"), 60, "to the next permit, not to all")
	require.Equal(t, "2", res.Header().Get("X-RateLimit-Limit"))
	require.Equal(t, "1", res.Header().Get("X-RateLimit-Remaining"))
	reset, err := strconv.ParseInt(res.Header().Get("X-RateLimit-Reset"), 10, 64)
	require.NoError(t, err)
	require.InDelta(t, time.Now().Add(30*time.Minute).Unix(), reset, 60)
	require.Empty(t, res.Header().Get("Retry-After"))

	require.Equal(t, http.StatusOK, get(h, "/", nil).Code)
	res = get(h, "/", nil)
	require.Equal(t, http.StatusTooManyRequests, res.Code)
	limits = list(t, res.Header(), "RateLimit")
	require.EqualValues(t, 0, param(t, limits[0], "r"))
	retry, err := strconv.ParseInt(res.Header().Get("Retry-After"), 10, 64)
	require.NoError(t, err)
	require.GreaterOrEqual(t, retry, param(t, limits[0], "t").(int64))
	require.InDelta(t, 1800, retry, 60)
	require.Equal(t, "application/problem+json", res.Header().Get("Content-Type"))
	var problem struct {
		Type     string
		Status   int
		Violated []string `json:"violated-policies"`
	}
	require.NoError(t, json.NewDecoder(res.Body).Decode(&problem))
	require.Equal(t, "https://iana.org/assignments/http-problem-types#quota-exceeded", problem.Type)
	require.Equal(t, http.StatusTooManyRequests, problem.Status)
	require.Equal(t, []string{"burst"}, problem.Violated)
}

// list reads a field with a parser of RFC 9651 that is not ours.
func list(t *testing.T, h http.Header, name string) []httpsfv.Item {
	t.Helper()
	members, err := httpsfv.UnmarshalList(h.Values(name))
	require.NoError(t, err, "%q", h.Values(name))
	items := make([]httpsfv.Item, len(members))
	for i, m := range members {
		items[i] = m.(httpsfv.Item)
		require.IsType(t, "", items[i].Value, "a String")
	}
	return items
}

func param(t *testing.T, item httpsfv.Item, name string) any {
	t.Helper()
	v, ok := item.Params.Get(name)
	require.True(t, ok, "%v has no %s", item, name)
	return v
}

func TestConcurrencyHeaders(t *testing.T) {
	h := open(t, mini(t), ratelimit.Concurrency(2, time.Minute)).Middleware(hello)
	policies := list(t, get(h, "/", nil).Header(), "RateLimit-Policy")
	require.Equal(t, "concurrent-requests", param(t, policies[0], "qu"))
	_, ok := policies[0].Params.Get("w")
	require.False(t, ok, "there is no window")
}

func TestCostSkipAndOnDenied(t *testing.T) {
	l := open(t, mini(t), ratelimit.FixedWindow(10, 8784*time.Hour),
		ratelimit.Skip(func(r *http.Request) bool { return r.URL.Path == "/health" }),
		ratelimit.Cost(func(r *http.Request) int { n, _ := strconv.Atoi(r.URL.Query().Get("cost")); return n }),
		ratelimit.OnDenied(func(w http.ResponseWriter, _ *http.Request, r ratelimit.Result) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, r.Policy)
		}))
	h := l.Middleware(hello)
	require.Equal(t, 200, get(h, "/?cost=8", nil).Code)
	res := get(h, "/?cost=3", nil)
	require.Equal(t, http.StatusTeapot, res.Code)
	require.NotEmpty(t, res.Header().Get("Retry-After"), "the headers are set already")
	require.Equal(t, 200, get(h, "/?cost=2", nil).Code)
	res = get(h, "/health?cost=5", nil)
	require.Equal(t, 200, res.Code)
	require.Empty(t, res.Header().Get("RateLimit"))
	res = get(h, "/?cost=11", nil)
	require.Equal(t, 500, res.Code, "the server's mistake, and not the client's")
	require.Empty(t, res.Header().Get("Retry-After"))
	require.Equal(t, 500, get(h, "/?cost=-1", nil).Code)
	require.EqualValues(t, 2, l.Stats().CostErrors)
	require.EqualValues(t, 1, l.Stats().Denied)
}

// A denial by the second limiter must not cost the first anything.
func TestStack(t *testing.T) {
	rdb := mini(t)
	address := open(t, rdb, ratelimit.Named("ip", ratelimit.FixedWindow(5, 8784*time.Hour)))
	user := open(t, rdb, ratelimit.Named("user", ratelimit.FixedWindow(2, 8784*time.Hour)), ratelimit.Name("user"),
		ratelimit.By(func(r *http.Request) string { return r.URL.Query().Get("user") }))
	h := ratelimit.Stack(address, user)(hello)
	for range 2 {
		require.Equal(t, 200, get(h, "/?user=ann", nil).Code)
	}
	for range 5 {
		require.Equal(t, 429, get(h, "/?user=ann", nil).Code)
	}
	res := get(h, "/?user=bob", nil)
	require.Equal(t, 200, res.Code)
	limits := list(t, res.Header(), "RateLimit")
	require.EqualValues(t, 2, param(t, limits[0], "r"), "three of five are charged")
	require.EqualValues(t, 1, param(t, limits[1], "r"))
	require.Len(t, list(t, res.Header(), "RateLimit-Policy"), 2)
}

// Under other frameworks' wrappers the writer and the request have to arrive as they were: chi's middleware is of this
// very type, echo.WrapMiddleware looks at the request that next gets, and gin's wrappers at the writer.
func TestPassesWriterAndRequestOn(t *testing.T) {
	l := open(t, mini(t), ratelimit.SlidingWindow(5, time.Minute))
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	calls := 0
	l.Middleware(http.HandlerFunc(func(gotW http.ResponseWriter, gotR *http.Request) {
		calls++
		assert.Same(t, w, gotW)
		assert.Same(t, r, gotR)
		assert.NotEmpty(t, gotW.Header().Get("RateLimit"), "set before the handler writes")
	})).ServeHTTP(w, r)
	require.Equal(t, 1, calls)
}
