package ratelimit_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

func TestShadow(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		var events []ratelimit.Event
		l := open(t, rdb, ratelimit.FixedWindow(1, 8784*time.Hour), ratelimit.Shadow(), ratelimit.Name("trial"),
			ratelimit.Observe(func(e ratelimit.Event) { events = append(events, e) }))
		h := l.Middleware(hello)
		for range 3 {
			res := get(h, "/", nil)
			require.Equal(t, 200, res.Code)
			require.Empty(t, res.Header().Get("Retry-After"))
		}
		require.Len(t, events, 3)
		for i, e := range events {
			require.Equal(t, "trial", e.Limiter)
			require.NoError(t, e.Err)
			require.True(t, e.Result.Allowed)
			require.Equal(t, i > 0, e.Result.Shadow)
			require.Equal(t, "fixed-8784h", e.Result.Policy)
			require.Positive(t, e.Took)
		}
		stats := l.Stats()
		require.EqualValues(t, 3, stats.Took.Count)
		stats.Took = ratelimit.Durations{}
		require.Equal(t, ratelimit.Stats{Policy: "fixed 1/8784h", Allowed: 3, ShadowDenied: 2}, stats)
		require.NoError(t, l.Refund(t.Context(), events[2].Result), "which was not charged")
		r, err := l.AllowN(t.Context(), "ip:192.0.2.1", 1)
		require.NoError(t, err)
		require.True(t, r.Shadow)
	})
}
