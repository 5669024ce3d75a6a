package bench

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/go-chi/httprate"
	"github.com/go-redis/redis_rate/v10"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// limitContestants decide on one request for a key. All have the same Redis, the same kind of client with the same
// settings, and a limit that no key reaches.
func limitContestants(tb testing.TB) map[string]func(key string) {
	const limit = 1_000_000
	rdb := redistest.Start(tb).Client(tb)
	ctx := context.Background()
	contestants := map[string]func(string){"redis_rate": redisRate(tb, rdb, limit), "httprate": httpRate(tb, rdb, limit)}
	for name, p := range map[string]ratelimit.Policy{
		"aside/sliding": ratelimit.SlidingWindow(limit, time.Minute),
		"aside/bucket":  ratelimit.TokenBucket(ratelimit.Per(limit, time.Minute), limit),
		"aside/strict":  ratelimit.SlidingWindow(limit, time.Minute).Strict(10),
		"aside/fixed":   ratelimit.FixedWindow(limit, time.Minute),
	} {
		l := ratelimit.New(rdb, p, ratelimit.Timeout(10*time.Second))
		tb.Cleanup(func() { require.NoError(tb, l.Close()) })
		contestants[name] = func(key string) {
			if r, err := l.Allow(ctx, key); err != nil || !r.Allowed || r.Source != ratelimit.FromRedis {
				tb.Error(name, r, err)
			}
		}
	}
	for _, do := range contestants {
		share(callers*10, do) // connections and scripts are there
	}
	return contestants
}

func redisRate(tb testing.TB, rdb *redis.Client, limit int) func(string) {
	l := redis_rate.NewLimiter(rdb)
	return func(key string) {
		if r, err := l.Allow(context.Background(), key, redis_rate.PerMinute(limit)); err != nil || r.Allowed == 0 {
			tb.Error("redis_rate", r, err)
		}
	}
}

func httpRate(tb testing.TB, rdb *redis.Client, limit int) func(string) {
	l := httprate.NewRateLimiter(limit, time.Minute, httprate.WithLimitCounter(&redisCounter{rdb: rdb}))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	return func(key string) {
		if l.OnLimit(headersOnly{}, r, key) {
			tb.Error("httprate denied")
		}
	}
}

type headersOnly http.Header

func (h headersOnly) Header() http.Header         { return http.Header(h) }
func (h headersOnly) Write(p []byte) (int, error) { return len(p), nil }
func (h headersOnly) WriteHeader(int)             {}

// redisCounter does for httprate what its Redis counter, the module httprate-redis, does: an MGET of the two windows, and
// for a request that is let through an INCRBY and EXPIRE in a transaction. The module proxy that this was written with
// does not have that module.
type redisCounter struct {
	rdb    *redis.Client
	window time.Duration
}

func (c *redisCounter) Config(_ int, window time.Duration) { c.window = window }

func (c *redisCounter) key(key string, window time.Time) string {
	return fmt.Sprintf("httprate:%d", httprate.LimitCounterKey(key, window))
}

func (c *redisCounter) Increment(key string, window time.Time) error {
	return c.IncrementBy(key, window, 1)
}

func (c *redisCounter) IncrementBy(key string, window time.Time, n int) error {
	ctx, k := context.Background(), c.key(key, window)
	pipe := c.rdb.TxPipeline()
	pipe.IncrBy(ctx, k, int64(n))
	pipe.Expire(ctx, k, 3*c.window)
	_, err := pipe.Exec(ctx)
	return err
}

func (c *redisCounter) Get(key string, current, previous time.Time) (now, before int, err error) {
	values, err := c.rdb.MGet(context.Background(), c.key(key, current), c.key(key, previous)).Result()
	if err != nil {
		return 0, 0, err
	}
	for i, to := range []*int{&now, &before} {
		if s, ok := values[i].(string); ok {
			if _, err := fmt.Sscan(s, to); err != nil {
				return 0, 0, err
			}
		}
	}
	return now, before, nil
}

func BenchmarkAllow(b *testing.B) {
	for name, do := range limitContestants(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			share(b.N, do)
		})
	}
}

// A decision costs no more than with the libraries in use: redis_rate, whose algorithm TokenBucket is, and httprate with
// its Redis counter, whose algorithm SlidingWindow is. They take turns, so that whatever else the machine does strikes
// all.
func TestAllowRatio(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's cost is not the library's")
	}
	contestants := limitContestants(t)
	names := slices.Sorted(maps.Keys(contestants))
	const rounds, calls = 40, 1000
	took := map[string][]float64{}
	for range rounds {
		for _, name := range names {
			took[name] = append(took[name], share(calls, contestants[name]).Seconds())
		}
		slices.Reverse(names)
	}
	// The quickest quarter of the turns is the one that other work on the machine disturbed least.
	cost := func(name string) float64 {
		slices.Sort(took[name])
		sum := 0.0
		for _, s := range took[name][:rounds/4] {
			sum += s
		}
		return sum
	}
	ratio := func(ours, theirs string) float64 { return cost(theirs) / cost(ours) }
	for _, name := range names {
		t.Logf("%-14s throughput is %.2f of redis_rate's, %.2f of httprate's", name, ratio(name, "redis_rate"), ratio(name, "httprate"))
	}
	require.GreaterOrEqual(t, ratio("aside/bucket", "redis_rate"), 1.0)
	require.GreaterOrEqual(t, ratio("aside/sliding", "redis_rate"), 1.0)
	require.GreaterOrEqual(t, ratio("aside/sliding", "httprate"), 2.0)
}
