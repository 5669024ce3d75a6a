package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/metrics"
	"github.com/jollyjet/aside/store"
)

func open(t *testing.T, rdb redis.UniversalClient, namespace string, options ...store.Option) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), rdb, append([]store.Option{
		store.Namespace(namespace), store.Timeout(5 * time.Second), store.Logger(slog.New(slog.DiscardHandler)),
	}, options...)...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = st.Close() })
	return st
}

var eventually = redistest.Eventually

var errNone = errors.New("no such product")

func load(_ context.Context, key string) (string, error) {
	switch key {
	case "none":
		return "", errNone
	case "broken":
		return "", errors.New("broken")
	}
	return "value of " + key, nil
}

func notFound(err error) bool { return errors.Is(err, errNone) }

// The metrics show what a program did, on a real server.
func TestWorkIsShown(t *testing.T) {
	rdb := redistest.Start(t).Client(t)
	st := open(t, rdb, "shop")
	eventually(t, "the feed", func() bool { return st.Stats().Feed.Up })
	product := cacheable.New(st, "product", load, cacheable.NotFound(notFound, time.Minute))
	near := cacheable.New(st, "near", load, cacheable.Near(10, time.Minute))
	ctx := t.Context()
	for range 3 {
		for _, key := range []string{"a", "none", "broken"} {
			_, _ = product.Get(ctx, key)
		}
	}
	// The first read loads, the second reads Redis, the third is a near hit, unless the feed reports the load only then.
	eventually(t, "a near hit", func() bool {
		_, err := near.Get(ctx, "a")
		require.NoError(t, err)
		return st.Stats().Caches["near"].NearHits == 1
	})
	hits := st.Stats().Caches["near"].Hits
	require.Positive(t, hits)
	require.NoError(t, product.Evict(ctx, "a", "none"))
	require.NoError(t, evict.ByTag(ctx, st, "tag"))
	require.NoError(t, st.Evict(ctx, product.WholeKey()))
	require.NoError(t, evict.Everything(ctx, st))
	_, err := product.Get(ctx, "a")
	require.NoError(t, err)
	require.NoError(t, product.Expire(ctx, "a"))
	n, err := evict.ByPattern(ctx, st, "product:a")
	require.NoError(t, err)
	require.EqualValues(t, 1, n)

	c := metrics.New(st)
	require.NoError(t, testutil.CollectAndCompare(c, strings.NewReader(fmt.Sprintf(`
# HELP aside_evictions_total Keys, tags, caches and namespaces evicted, or queued to be.
# TYPE aside_evictions_total counter
aside_evictions_total{kind="all",namespace="shop"} 1
aside_evictions_total{kind="everything",namespace="shop"} 1
aside_evictions_total{kind="expire",namespace="shop"} 1
aside_evictions_total{kind="key",namespace="shop"} 2
aside_evictions_total{kind="pattern",namespace="shop"} 1
aside_evictions_total{kind="tag",namespace="shop"} 1
# HELP aside_feed_up Whether the invalidation feed is up on every master.
# TYPE aside_feed_up gauge
aside_feed_up{namespace="shop"} 1
# HELP aside_load_errors_total Calls of the loader that failed, timeouts and panics included.
# TYPE aside_load_errors_total counter
aside_load_errors_total{cache="near",namespace="shop"} 0
aside_load_errors_total{cache="product",namespace="shop"} 3
# HELP aside_loads_total Calls of the loader.
# TYPE aside_loads_total counter
aside_loads_total{cache="near",namespace="shop"} 1
aside_loads_total{cache="product",namespace="shop"} 6
# HELP aside_near_entries Values kept in this process.
# TYPE aside_near_entries gauge
aside_near_entries{cache="near",namespace="shop"} 1
aside_near_entries{cache="product",namespace="shop"} 0
# HELP aside_requests_total Reads by result.
# TYPE aside_requests_total counter
aside_requests_total{cache="near",namespace="shop",result="bypass"} 0
aside_requests_total{cache="near",namespace="shop",result="hit"} %d
aside_requests_total{cache="near",namespace="shop",result="miss"} 1
aside_requests_total{cache="near",namespace="shop",result="near_hit"} 1
aside_requests_total{cache="near",namespace="shop",result="negative"} 0
aside_requests_total{cache="near",namespace="shop",result="stale"} 0
aside_requests_total{cache="product",namespace="shop",result="bypass"} 0
aside_requests_total{cache="product",namespace="shop",result="hit"} 2
aside_requests_total{cache="product",namespace="shop",result="miss"} 6
aside_requests_total{cache="product",namespace="shop",result="near_hit"} 0
aside_requests_total{cache="product",namespace="shop",result="negative"} 2
aside_requests_total{cache="product",namespace="shop",result="stale"} 0
`, hits)), "aside_evictions_total", "aside_feed_up", "aside_load_errors_total", "aside_loads_total", "aside_near_entries", "aside_requests_total"))

	stats := st.Stats().Caches["product"]
	require.EqualValues(t, 6, stats.LoadTimes.Count)
	require.Positive(t, stats.LoadTimes.Sum)
	entry := int64(len("value of a"))
	require.Greater(t, stats.BytesWritten, 2*entry, "two loads of a, and an absence")
	require.Greater(t, stats.BytesRead, 2*entry, "two hits")
	require.Positive(t, st.Stats().Feed.Lag)
}

// The metrics of breaker, feed and queue show an outage of a server, and its end.
func TestAnOutageIsShown(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t), "shop", store.Timeout(100*time.Millisecond), store.BreakAfter(2))
	eventually(t, "the feed", func() bool { return st.Stats().Feed.Up })
	c := metrics.New(st)
	shows := func(sample string) func() bool { return func() bool { return shows(t, c, sample) } }
	breaker := `aside_breaker_open{namespace="shop",node="` + server.Addr() + `"} `
	require.True(t, shows(breaker+"0")())
	product := cacheable.New(st, "product", load)

	server.Kill()
	require.ErrorIs(t, product.Evict(t.Context(), "a", "b"), store.ErrQueued)
	for range 3 {
		_, err := product.Get(t.Context(), "a") // the loader's answer
		require.NoError(t, err)
	}
	eventually(t, "the breaker", shows(breaker+"1"))
	eventually(t, "the feed's end", shows(`aside_feed_up{namespace="shop"} 0`))
	require.True(t, shows(`aside_feed_drops_total{namespace="shop"} 1`)())
	require.True(t, shows(`aside_recovery_queue_length{namespace="shop"} 2`)())
	require.True(t, shows(`aside_requests_total{cache="product",namespace="shop",result="bypass"} 3`)())

	server.Restart()
	eventually(t, "the replay", shows(`aside_recovery_queue_length{namespace="shop"} 0`))
	require.True(t, shows(`aside_recovery_replayed_total{namespace="shop"} 2`)())
	require.True(t, shows(`aside_recovery_queued_total{namespace="shop"} 2`)())
	eventually(t, "the breaker", shows(breaker+"0"))
	eventually(t, "the feed", shows(`aside_feed_up{namespace="shop"} 1`))
}

// shows reports whether a scrape would contain the sample.
func shows(t *testing.T, c prometheus.Collector, sample string) bool {
	t.Helper()
	name, _, _ := strings.Cut(sample, "{")
	out, err := testutil.CollectAndFormat(c, expfmt.TypeTextPlain, name)
	require.NoError(t, err)
	return strings.Contains(string(out), sample+"\n")
}

func TestStoresCanBeRegisteredTogetherOrOneByOne(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	a, b := open(t, rdb, "a"), open(t, rdb, "b")
	together, apart := prometheus.NewPedanticRegistry(), prometheus.NewPedanticRegistry()
	together.MustRegister(metrics.New(a, b))
	apart.MustRegister(metrics.New(a), metrics.New(b))
	require.ErrorAs(t, apart.Register(metrics.New(a)), new(prometheus.AlreadyRegisteredError))
	for _, registry := range []*prometheus.Registry{together, apart} {
		n, err := testutil.GatherAndCount(registry, "aside_recovery_queue_length")
		require.NoError(t, err)
		require.Equal(t, 2, n)
	}
	require.PanicsWithValue(t, `metrics: New: two stores of the namespace "a"; give each a collector and a registerer of its own`,
		func() { metrics.New(a, b, a) })
	require.PanicsWithValue(t, "metrics: New: store 2 is nil", func() { metrics.New(a, nil) })
	require.PanicsWithValue(t, "metrics: New: name at least one store", func() { metrics.New() })
}
