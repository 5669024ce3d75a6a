package acltest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/ratelimit"
)

// limits tours package ratelimit.
func limits(t *testing.T, v *visitor) (steps []step) {
	t.Helper()
	limiter := func(policy ratelimit.Policy) *ratelimit.Limiter {
		l := ratelimit.New(v.rdb, policy, ratelimit.Namespace(v.namespace), ratelimit.FailClosed(), ratelimit.Hooks(v.sent.Hook()),
			ratelimit.Logger(v.lines.Logger()), ratelimit.Timeout(patience), ratelimit.Breaker(1000, time.Second))
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		return l
	}
	window := ratelimit.SlidingWindow(2, time.Minute)
	bucket, leases := ratelimit.TokenBucket(ratelimit.Per(2, time.Hour), 2), ratelimit.Concurrency(2, 300*time.Millisecond)
	for name, policy := range map[string]ratelimit.Policy{
		"sliding": window, "exact": window.Exact(), "strict": window.Strict(4), "bucket": bucket, "leases": leases,
		"fixed": ratelimit.FixedWindow(2, time.Hour), "several": ratelimit.All(window, window.Exact(), bucket, leases),
	} {
		l := limiter(policy)
		steps = append(steps, step{name, func(ctx context.Context) error { return spend(ctx, l, name) }})
	}
	held, used := limiter(leases), limiter(window)
	steps = append(steps, step{"renew a lease", func(ctx context.Context) error { return renewLease(ctx, held, v) }})
	return append(steps, v.probing(t, func(ctx context.Context) { _, _ = used.Allow(ctx, "looking") })...)
}

// spend takes the whole limit and refunds it.
func spend(ctx context.Context, l *ratelimit.Limiter, key string) error {
	r, err := l.AllowN(ctx, key, 2)
	if err := is("allowed", r.Allowed, true, err); err != nil {
		return err
	}
	denied, err := l.Allow(ctx, key)
	if err := is("allowed once more", denied.Allowed, false, err); err != nil {
		return err
	}
	if err := l.Refund(ctx, r); err != nil {
		return err
	}
	again, err := l.Peek(ctx, key)
	if err := is("left after the refund", again.Remaining, 2, err); err != nil {
		return err
	}
	return l.Reset(ctx, key)
}

// renewLease waits until a lease was renewed twice: apart from pings, nothing else is sent meanwhile.
func renewLease(ctx context.Context, l *ratelimit.Limiter, v *visitor) error {
	r, release, err := l.Acquire(ctx, "held")
	if err := is("acquired", r.Allowed, true, err); err != nil {
		return err
	}
	defer release()
	before := v.sent.Count("evalsha")
	return until(ctx, "renewals", func() bool { return v.sent.Count("evalsha") >= before+2 })
}
