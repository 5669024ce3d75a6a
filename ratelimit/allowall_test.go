package ratelimit_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

func TestAllowAll(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, p := range policies() {
			ns := ratelimit.Namespace(redistest.Unique(t))
			first, second := open(t, rdb, p, ns), open(t, rdb, ratelimit.FixedWindow(1, 8784*time.Hour), ns, ratelimit.Name("second"))
			ask := func() []ratelimit.Result {
				results, err := ratelimit.AllowAll(t.Context(), ratelimit.Ask{Limiter: first, Key: "a", N: 3}, ratelimit.Ask{Limiter: second, Key: "b", N: 1})
				require.NoError(t, err)
				require.Len(t, results, 2)
				return results
			}
			require.True(t, ask()[1].Allowed, name)
			for range 4 {
				results := ask()
				require.False(t, results[1].Allowed, name)
				require.NoError(t, first.Refund(t.Context(), results[0]), "was refunded, so this does nothing")
			}
			r, err := first.Peek(t.Context(), "a")
			require.NoError(t, err)
			require.Equal(t, 7, r.Remaining, name)
		}
	})
}

// The caller goes away between two limiters: what the first has charged comes back all the same.
func TestRefundAfterCancel(t *testing.T) {
	rdb := mini(t)
	ctx, cancel := context.WithCancel(t.Context())
	first := open(t, rdb, ratelimit.FixedWindow(5, 8784*time.Hour), ratelimit.Observe(func(ratelimit.Event) { cancel() }))
	second := open(t, rdb, ratelimit.FixedWindow(5, 8784*time.Hour), ratelimit.Name("second"))
	_, err := ratelimit.AllowAll(ctx, ratelimit.Ask{Limiter: first, Key: "a", N: 2}, ratelimit.Ask{Limiter: second, Key: "b", N: 1})
	require.ErrorIs(t, err, context.Canceled)
	r, err := first.Peek(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, 5, r.Remaining)
}
