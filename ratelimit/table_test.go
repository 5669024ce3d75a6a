package ratelimit_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

const config = `[
	{"match": "POST /login", "policy": "exact 2/8784h", "by": ["ip"], "whenAway": "closed"},
	{"match": "/api/", "policy": "burst: bucket 1/1h burst=3 + daily: 1000/24h", "by": ["header:X-API-Key"]},
	{"match": "/api/free", "policy": "1000/1m", "by": ["tenant", "endpoint"], "shadow": true}
]`

func newTable(t *testing.T, rules []ratelimit.Rule, options ...ratelimit.Option) *ratelimit.Table {
	t.Helper()
	table, err := ratelimit.NewTable(mini(t), rules, append(options, ratelimit.Namespace(redistest.Unique(t)), ratelimit.Timeout(soon),
		ratelimit.Keys(map[string]ratelimit.KeyFunc{"tenant": func(r *http.Request) string { return r.Host }}))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, table.Close()) })
	return table
}

func post(r *http.Request) { r.Method = http.MethodPost }

func TestTable(t *testing.T) {
	rules, err := ratelimit.ParseRules([]byte(config))
	require.NoError(t, err)
	table := newTable(t, rules)
	h := table.Middleware(hello)
	for range 2 {
		require.Equal(t, 200, get(h, "/login", post).Code)
	}
	require.Equal(t, 429, get(h, "/login", post).Code)
	require.Equal(t, 429, get(h, "//login", post).Code, "another spelling is no way around")
	require.Equal(t, 200, get(h, "/login", nil).Code, "no rule, the default")
	require.Contains(t, get(h, "/other", nil).Header().Get("RateLimit"), "r=998")
	for range 3 {
		require.Equal(t, 200, get(h, "/api/a", nil).Code)
	}
	require.Equal(t, 429, get(h, "/api/b", nil).Code)
	require.Equal(t, 200, get(h, "/api/free", nil).Code, "the most specific rule")
	require.EqualValues(t, 2, table.Stats()["POST /login"].Allowed)
	require.EqualValues(t, 2, table.Stats()["POST /login"].Denied)

	// A raised limit takes effect, and what was charged stays charged.
	rules[0].Policy = "exact 3/8784h"
	require.NoError(t, table.Set(rules))
	require.Equal(t, 200, get(h, "/login", post).Code)
	require.Equal(t, 429, get(h, "/login", post).Code)
	require.EqualValues(t, 3, table.Stats()["/api/"].Allowed, "a rule that stays keeps its limiter")
	require.NoError(t, table.Set(nil))
	require.Equal(t, 200, get(h, "/login", post).Code)
	require.Empty(t, table.Rules())
}

func TestBadRules(t *testing.T) {
	table := newTable(t, []ratelimit.Rule{{Match: "/a", Policy: "1/8784h"}})
	for name, rules := range map[string][]ratelimit.Rule{
		"no policy":      {{Match: "/a"}},
		"bad policy":     {{Match: "/a", Policy: "0/1m"}},
		"no pattern":     {{Policy: "1/1m"}},
		"bad pattern":    {{Match: "/{", Policy: "1/1m"}},
		"twice":          {{Match: "/b", Policy: "1/1m"}, {Match: "/b", Policy: "2/1m"}},
		"conflict":       {{Match: "/{x}/b", Policy: "1/1m"}, {Match: "/b/{x}", Policy: "2/1m"}},
		"unknown key":    {{Match: "/a", Policy: "1/1m", By: []string{"nobody"}}},
		"bad name":       {{Match: "/a", Policy: "1/1m", Name: "{}"}},
		"bad when away":  {{Match: "/a", Policy: "1/1m", WhenAway: "maybe"}},
		"port":           {{Match: "example.com:80/", Policy: "1/1m"}},
		"host twice":     {{Match: "example.com/", Policy: "1/1m"}, {Match: "EXAMPLE.com./", Policy: "1/1m"}},
		"name twice":     {{Name: "a", Policy: "1/1m"}, {Name: "a", Policy: "unlimited"}},
		"no header name": {{Match: "/a", Policy: "1/1m", By: []string{"header:"}}},
	} {
		require.ErrorIs(t, table.Set(rules), ratelimit.ErrRules, name)
		_, err := ratelimit.NewTable(mini(t), rules)
		require.ErrorIs(t, err, ratelimit.ErrRules, name)
	}
	require.Equal(t, "/a", table.Rules()[0].Match, "the old rules are in force")
	for _, text := range []string{"", "{}", "[{]", `[{"mtach": "/a"}]`, "[] []"} {
		_, err := ratelimit.ParseRules([]byte(text))
		require.ErrorIs(t, err, ratelimit.ErrRules, text)
	}
}

// Rules change while requests are served.
func TestTableSetWhileServing(t *testing.T) {
	table := newTable(t, nil, ratelimit.Default(ratelimit.FixedWindow(1_000_000, time.Hour)))
	h := table.Middleware(hello)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if code := get(h, "/", nil).Code; code != 200 {
						t.Errorf("status %d", code)
					}
				}
			}
		})
	}
	for i := range 50 {
		rules := []ratelimit.Rule{{Match: "/", Policy: "1000000/1m"}, {Match: "/x", Policy: "10/1m"}}
		require.NoError(t, table.Set(rules[:1+i%2]))
	}
	close(stop)
	wg.Wait()
}

// Rules that are accepted say the same after a round trip, and never panic.
func FuzzParseRules(f *testing.F) {
	f.Add([]byte(config))
	f.Add([]byte(`[{"match":"/","policy":"1/1s"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		rules, err := ratelimit.ParseRules(data)
		if err != nil {
			if !errors.Is(err, ratelimit.ErrRules) {
				t.Fatal(err)
			}
			return
		}
		text, err := json.Marshal(rules)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ratelimit.ParseRules(text)
		if err != nil || len(again) != len(rules) {
			t.Fatalf("%s: %v", text, err)
		}
	})
}
