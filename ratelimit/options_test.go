package ratelimit_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/ratelimit"
)

// Each mistake panics where it is made, and says what to write instead.
func TestMistakesPanic(t *testing.T) {
	rdb := mini(t)
	minute := ratelimit.SlidingWindow(1, time.Minute)
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	defer func() { require.NoError(t, ring.Close()) }()
	fn := func(context.Context, int) (int, error) { return 0, nil }
	for name, mistake := range map[string]func(){
		"limit":               func() { ratelimit.SlidingWindow(0, time.Minute) },
		"large limit":         func() { ratelimit.FixedWindow(2_000_000_000, time.Minute) },
		"window":              func() { ratelimit.SlidingWindow(1, 0) },
		"nanoseconds":         func() { ratelimit.FixedWindow(1, time.Second+1) },
		"long window":         func() { ratelimit.FixedWindow(1, 367*24*time.Hour) },
		"exact":               func() { ratelimit.SlidingWindow(10_001, time.Minute).Exact() },
		"buckets":             func() { minute.Strict(0) },
		"rate":                func() { ratelimit.TokenBucket(0, 1) },
		"not a number":        func() { ratelimit.TokenBucket(ratelimit.Rate(math.NaN()), 1) },
		"infinite rate":       func() { ratelimit.TokenBucket(ratelimit.Rate(math.Inf(1)), 1) },
		"slow rate":           func() { ratelimit.TokenBucket(ratelimit.Per(1, 24*time.Hour), 1000) },
		"burst":               func() { ratelimit.TokenBucket(1, 0) },
		"per":                 func() { ratelimit.Per(1, 0) },
		"concurrency":         func() { ratelimit.Concurrency(0, time.Second) },
		"lease":               func() { ratelimit.Concurrency(1, 0) },
		"no policies":         func() { ratelimit.All() },
		"same names":          func() { ratelimit.All(minute, minute) },
		"name":                func() { ratelimit.Named("a b", minute) },
		"name of several":     func() { ratelimit.Named("a", ratelimit.All(minute, ratelimit.FixedWindow(1, time.Hour))) },
		"no policy":           func() { ratelimit.New(rdb, nil) },
		"client":              func() { ratelimit.New(ring, minute) },
		"no client":           func() { ratelimit.New(nil, minute) },
		"namespace":           func() { ratelimit.Namespace("{}") },
		"limiter name":        func() { ratelimit.Name("") },
		"timeout":             func() { ratelimit.Timeout(0) },
		"breaker":             func() { ratelimit.Breaker(0, time.Second) },
		"on breaker":          func() { ratelimit.OnBreaker(nil) },
		"hooks":               func() { ratelimit.Hooks(nil) },
		"replicas":            func() { ratelimit.Local(0) },
		"deny cache":          func() { ratelimit.DenyCache(0) },
		"observe":             func() { ratelimit.Observe(nil) },
		"by":                  func() { ratelimit.By(nil) },
		"cost":                func() { ratelimit.Cost(nil) },
		"skip":                func() { ratelimit.Skip(nil) },
		"on denied":           func() { ratelimit.OnDenied(nil) },
		"keys":                func() { ratelimit.Keys(map[string]ratelimit.KeyFunc{"x": nil}) },
		"trusted proxies":     func() { ratelimit.TrustedProxies() },
		"proxy header":        func() { ratelimit.ProxyHeader("") },
		"IPv6 prefix":         func() { ratelimit.IPv6Prefix(0) },
		"header":              func() { ratelimit.ByHeader("") },
		"join":                func() { ratelimit.Join() },
		"limit without one":   func() { ratelimit.Limit(fn, func(int) string { return "" }) },
		"limit without a key": func() { ratelimit.Limit(fn, nil, nil) },
		"nil limiter":         func() { ratelimit.Stack(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				text, _ := recover().(string)
				require.True(t, strings.HasPrefix(text, "ratelimit: "), "%q", text)
				require.Greater(t, len(text), 30, "says what to do: %q", text)
			}()
			mistake()
		})
	}
}

func TestReplicaReadsAreRefused(t *testing.T) {
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, ReadOnly: true})
	defer func() { require.NoError(t, rdb.Close()) }()
	require.PanicsWithValue(t,
		"ratelimit: unsuitable Redis client: it reads from replicas, which lag; leave ReadOnly, RouteByLatency and RouteRandomly unset",
		func() { ratelimit.New(rdb, ratelimit.SlidingWindow(1, time.Minute)) })
}
