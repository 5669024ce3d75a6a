package ratelimit_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/ratelimit"
)

// limitedBy returns the policies of the rules that apply, which are told apart by their names.
func limitedBy(table *ratelimit.Table, r *http.Request) (names []string) {
	for _, l := range table.Limiters(r) {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(l.Name(), "rule/"), "/default"))
	}
	return names
}

// at is a request as it arrives: the target is parsed as a server does.
func at(method, host, target string) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	u, err := url.ParseRequestURI(target)
	if err != nil {
		panic(err)
	}
	r.URL, r.Host, r.RequestURI = u, host, target
	return r
}

// Another spelling of a host or a path is no way around a rule, whatever the router makes of it.
func TestSpellings(t *testing.T) {
	table := newTable(t, []ratelimit.Rule{
		{Match: "/", Policy: "1000/1m", Name: "all"},
		{Match: "/api/", Policy: "10/1m", Name: "api"},
		{Match: "POST /login", Policy: "5/1m", Name: "login"},
		{Match: "POST /orders/{id}/pay/", Policy: "5/1m", Name: "pay"},
		{Match: "/static/", Policy: "unlimited"},
		{Match: "Admin.Example.com./", Policy: "1/1m", Name: "admin"},
	})
	for _, c := range []struct {
		method, host, target string
		want                 []string
	}{
		{"GET", "example.com", "/api/orders", []string{"api"}},
		{"GET", "example.com", "/api%2Forders", []string{"all", "api"}},
		{"GET", "example.com", "/api%252Forders", []string{"all", "api"}},
		{"GET", "example.com", "/%61pi/orders", []string{"api", "all"}},
		{"GET", "example.com", "/x/..%2fapi/orders", []string{"all", "api"}},
		{"GET", "example.com", "/x/%2e%2e/api/orders", []string{"all", "api"}},
		{"GET", "example.com", "/static/../zzz", []string{"all"}},
		{"GET", "example.com", "/static/../api/x", []string{"api"}},
		{"GET", "example.com", "/static/a.css", nil},
		{"GET", "example.com", "/api/../zzz", []string{"all", "api"}},
		{"POST", "example.com", "/login", []string{"login"}},
		{"POST", "example.com", "//login", []string{"login", "all"}},
		{"POST", "example.com", "/login/", []string{"all", "login"}},
		{"POST", "example.com", "/lo%67in", []string{"login", "all"}},
		{"POST", "example.com", "/api%2f%zz", nil}, // not a URL
		{"POST", "example.com", "/orders/1/pay", []string{"pay"}},
		{"POST", "example.com", "/orders/1%2F2/pay", []string{"pay", "all"}},
		{"GET", "admin.example.com", "/", []string{"admin"}},
		{"GET", "ADMIN.example.COM", "/", []string{"admin"}},
		{"GET", "admin.example.com.", "/api/x", []string{"admin"}},
		{"GET", "Admin.example.com.:8443", "/", []string{"admin"}},
		{"GET", "[::1]:80", "/", []string{"all"}},
		{"CONNECT", "ADMIN.example.com.", "/x", []string{"admin"}},
	} {
		if _, err := url.ParseRequestURI(c.target); err != nil {
			continue
		}
		require.Equal(t, c.want, limitedBy(table, at(c.method, c.host, c.target)), "%s %s%s", c.method, c.host, c.target)
	}
}

// A request that no rule matches has the default, unless the table says otherwise.
func TestDefault(t *testing.T) {
	rules := []ratelimit.Rule{{Match: "/api/", Policy: "10/1m"}, {Match: "/health", Policy: "unlimited"}}
	table := newTable(t, rules)
	require.Equal(t, []string{"default"}, limitedBy(table, at("GET", "a", "/other")))
	require.Equal(t, []string{"default"}, limitedBy(table, at("GET", "a", "/health/../other")))
	require.Nil(t, table.Limiter(at("GET", "a", "/health")))
	require.Contains(t, get(table.Middleware(hello), "/other", nil).Header().Get("RateLimit-Policy"), "q=1000;w=60")
	require.Contains(t, table.Stats(), "default")
	require.NoError(t, table.Set(nil))
	require.Equal(t, []string{"default"}, limitedBy(table, at("GET", "a", "/api/")))

	open := newTable(t, rules, ratelimit.Unlimited())
	require.Nil(t, open.Limiter(at("GET", "a", "/other")))
	require.NotContains(t, open.Stats(), "default")
	strict := newTable(t, rules, ratelimit.Default(ratelimit.FixedWindow(1, year)))
	h := strict.Middleware(hello)
	require.Equal(t, 200, get(h, "/x", nil).Code)
	require.Equal(t, 429, get(h, "/y", nil).Code)
	require.Panics(t, func() { ratelimit.Default(nil) })
}

// A router that knows better names the rule.
func TestTableFor(t *testing.T) {
	table := newTable(t, []ratelimit.Rule{
		{Name: "login", Policy: "fixed 1/8784h"},
		{Match: "/api/", Policy: "fixed 2/8784h"},
		{Name: "free", Policy: "unlimited"},
	}, ratelimit.Default(ratelimit.FixedWindow(3, year)))
	login, api, free := table.For("login")(hello), table.For("/api/")(hello), table.For("free")(hello)
	require.Equal(t, 200, get(login, "/Any/%2fpath", nil).Code)
	require.Equal(t, 429, get(login, "/other", nil).Code)
	require.Equal(t, 200, get(api, "/other", nil).Code)
	require.Equal(t, 200, get(free, "/other", nil).Code)
	require.Empty(t, get(free, "/other", nil).Header().Get("RateLimit"))
	require.Panics(t, func() { table.For("logni") })

	require.NoError(t, table.Set(nil))
	require.Contains(t, get(login, "/", nil).Header().Get("RateLimit"), "r=2", "a rule that is gone leaves the default")
}

// However a router reads a path, the rule of the route that it finds applies.
func TestNoReadingOfAPathEscapes(t *testing.T) {
	patterns := []string{"/", "/api/", "/api/free", "/login", "/a/b/", "/a/b/pay"}
	var rules []ratelimit.Rule
	mux := http.NewServeMux()
	for i, p := range patterns {
		rules = append(rules, ratelimit.Rule{Match: p, Policy: "10/1m", Name: fmt.Sprint("r", i)})
		mux.Handle(p, hello)
	}
	table := newTable(t, rules)
	byMux := func(u *url.URL) string {
		_, pattern := mux.Handler(&http.Request{Method: "GET", URL: u})
		return pattern
	}
	literally := func(path string) (longest string) { // as chi's and gin's trees do
		for _, p := range patterns {
			if (path == p || strings.HasSuffix(p, "/") && strings.HasPrefix(path+"/", p)) && len(p) > len(longest) {
				longest = p
			}
		}
		return longest
	}
	parts := []string{"api", "login", "a", "b", "free", "pay", "..", ".", "", "%2e%2e", "%2E", "x%2Fy", "%2Fapi", "api%2f..", "%252F", "%61", "q%20"}
	rapid.Check(t, func(t *rapid.T) {
		target := "/" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 1, 5).Draw(t, "segments"),
			rapid.SampledFrom([]string{"/", "%2F", "%252f"}).Draw(t, "slash"))
		r := at("GET", "a", target)
		limited := limitedBy(table, r)
		readers := map[string]string{
			"mux": byMux(r.URL), "mux, decoded": byMux(&url.URL{Path: r.URL.Path}),
			"decoded": literally(r.URL.Path), "escaped": literally(r.URL.EscapedPath()),
			"slash stripped": literally(strings.TrimRight(r.URL.Path, "/")),
		}
		if twice, err := url.PathUnescape(r.URL.Path); err == nil {
			readers["decoded twice"] = literally(twice)
		}
		for reader, pattern := range readers {
			if i := slices.Index(patterns, pattern); i >= 0 && !slices.Contains(limited, fmt.Sprint("r", i)) {
				t.Fatalf("%s: %s is routed to %s, and limited by %v only", target, reader, pattern, limited)
			}
		}
	})
}
