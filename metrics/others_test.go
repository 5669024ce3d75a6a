package metrics_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/metrics"
	"github.com/jollyjet/aside/ratelimit"
	"github.com/jollyjet/aside/session"
	"github.com/jollyjet/aside/store"
)

// tide is a source whose changes are sent through a channel.
type tide chan evict.Change[string]

func (c tide) source(context.Context, string) (evict.Stream[string], error) { return c, nil }

func (c tide) Next(ctx context.Context) (evict.Change[string], error) {
	select {
	case change := <-c:
		return change, nil
	case <-ctx.Done():
		return evict.Change[string]{}, ctx.Err()
	}
}

func (c tide) Close() error { return nil }

// others have metrics besides stores.
func others(t *testing.T, rdb redis.UniversalClient, st *store.Store) (*ratelimit.Limiter, *session.Manager[int], *evict.Changes) {
	t.Helper()
	limiter := ratelimit.New(rdb, ratelimit.FixedWindow(2, time.Hour), ratelimit.Namespace("shop"), ratelimit.Name("mails"),
		ratelimit.Timeout(5*time.Second))
	t.Cleanup(func() { require.NoError(t, limiter.Close()) })
	sessions := session.New[int](rdb, session.Timeout(5*time.Second))
	t.Cleanup(func() { require.NoError(t, sessions.Close()) })
	product := cacheable.New(st, "product", load)
	changes := make(tide, 1)
	changes <- evict.Change[string]{Event: "a", Position: "1"}
	consumer := evict.FromChanges(t.Context(), st, "products", changes.source,
		evict.Key(product, func(key string) string { return key }))
	t.Cleanup(consumer.Close)
	return limiter, sessions, consumer
}

func TestLimitsSessionsAndChangesAreShown(t *testing.T) {
	rdb := redistest.Start(t).Client(t)
	limiter, sessions, changes := others(t, rdb, open(t, rdb, "shop"))
	table, err := ratelimit.NewTable(rdb, []ratelimit.Rule{
		{Match: "POST /login", Policy: "sliding 1/1h"},
		{Match: "/", Policy: "sliding 1/1h", Shadow: true},
	}, ratelimit.Namespace("shop"), ratelimit.Name("api"), ratelimit.Timeout(5*time.Second))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, table.Close()) })
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.Limiter(limiter), metrics.LimitTable(table), metrics.Sessions(sessions), metrics.Changes(changes))

	for range 3 {
		_, err := limiter.Allow(t.Context(), "ann")
		require.NoError(t, err)
	}
	served := table.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for range 2 {
		served.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/login", nil))
		served.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	}
	require.NoError(t, sessions.Login(sessions.Attach(t.Context(), ""), "ann"))
	eventually(t, "the change", func() bool { return changes.Stats().Changes == 1 })

	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP aside_changes_handled_total Changes whose evictions are confirmed.
# TYPE aside_changes_handled_total counter
aside_changes_handled_total{changes="products",namespace="shop"} 1
# HELP aside_changes_leading Whether this process consumes the changes; one in the fleet does.
# TYPE aside_changes_leading gauge
aside_changes_leading{changes="products",namespace="shop"} 1
# HELP aside_ratelimit_decisions_total Requests by decision; those that only shadow mode allowed are shadow_denied.
# TYPE aside_ratelimit_decisions_total counter
aside_ratelimit_decisions_total{limiter="api",namespace="shop",policy="sliding 1/1h",result="allowed",route="/"} 1
aside_ratelimit_decisions_total{limiter="api",namespace="shop",policy="sliding 1/1h",result="allowed",route="POST /login"} 1
aside_ratelimit_decisions_total{limiter="api",namespace="shop",policy="sliding 1/1h",result="denied",route="/"} 0
aside_ratelimit_decisions_total{limiter="api",namespace="shop",policy="sliding 1/1h",result="denied",route="POST /login"} 1
aside_ratelimit_decisions_total{limiter="api",namespace="shop",policy="sliding 1/1h",result="local_denied",route="/"} 0
aside_ratelimit_decisions_total{limiter="api",namespace="shop",policy="sliding 1/1h",result="local_denied",route="POST /login"} 0
aside_ratelimit_decisions_total{limiter="api",namespace="shop",policy="sliding 1/1h",result="shadow_denied",route="/"} 1
aside_ratelimit_decisions_total{limiter="api",namespace="shop",policy="sliding 1/1h",result="shadow_denied",route="POST /login"} 0
aside_ratelimit_decisions_total{limiter="mails",namespace="shop",policy="fixed 2/1h",result="allowed",route=""} 2
aside_ratelimit_decisions_total{limiter="mails",namespace="shop",policy="fixed 2/1h",result="denied",route=""} 1
aside_ratelimit_decisions_total{limiter="mails",namespace="shop",policy="fixed 2/1h",result="local_denied",route=""} 0
aside_ratelimit_decisions_total{limiter="mails",namespace="shop",policy="fixed 2/1h",result="shadow_denied",route=""} 0
# HELP aside_session_saves_total Changes to sessions that were stored.
# TYPE aside_session_saves_total counter
aside_session_saves_total{namespace="session"} 1
`), "aside_changes_handled_total", "aside_changes_leading", "aside_ratelimit_decisions_total", "aside_session_saves_total"))

	took := limiter.Stats().Took
	require.EqualValues(t, 3, took.Count)
	require.Positive(t, took.Sum)
	require.True(t, shows(t, metrics.Sessions(sessions), `aside_session_events_total{event="logged_in",namespace="session"} 1`))
}

func TestWhatIsNilPanics(t *testing.T) {
	for message, call := range map[string]func(){
		"metrics: Limiter: the limiter is nil; leave it out":  func() { metrics.Limiter(nil) },
		"metrics: LimitTable: the table is nil; leave it out": func() { metrics.LimitTable(nil) },
		"metrics: Sessions: the manager is nil; leave it out": func() { metrics.Sessions[int](nil) },
		"metrics: Changes: the consumer is nil; leave it out": func() { metrics.Changes(nil) },
	} {
		require.PanicsWithValue(t, message, call)
	}
}
