package ratelimit

import (
	"context"
	"sync"
	"time"
)

// Acquire is Allow for work that takes time. If the result is allowed, release must be called when the work is done: it
// gives back the permits of [Concurrency], which are renewed until then. Other policies' permits stay charged. The release
// is never nil, may be called more than once, and takes no longer than the limiter's timeout.
func (l *Limiter) Acquire(ctx context.Context, key string) (r Result, release func(), err error) {
	return l.acquire(ctx, key, 1)
}

func (l *Limiter) acquire(ctx context.Context, key string, n int) (Result, func(), error) {
	r, err := l.AllowN(ctx, key, n)
	if err != nil || !l.leased || r.charge.n == 0 {
		return r, func() {}, err
	}
	h := &heldPermit{limiter: l, result: r, ctx: context.WithoutCancel(ctx), interval: l.renewalInterval()}
	h.mu.Lock()
	h.timer = time.AfterFunc(h.interval, h.renew)
	h.mu.Unlock()
	return r, h.release, nil
}

// renewalInterval is a third of the shortest lease, so that one renewal may fail.
func (l *Limiter) renewalInterval() time.Duration {
	shortest := maxSpan
	for _, p := range l.parts {
		if p.algorithm == leases {
			shortest = min(shortest, p.span)
		}
	}
	return shortest / 3
}

// renew prolongs the leases of a result.
func (l *Limiter) renew(ctx context.Context, r Result) {
	if r.Source == FromLocal {
		l.local.renew(r.charge)
		return
	}
	keys := l.keysOf(r.charge.hashTag)
	for i, p := range l.parts {
		if p.algorithm == leases {
			// A failure is counted by the breaker, and tried again in time.
			c := append(append(newCommand(keys[i:i+1], 6), p.args()...), r.charge.n, r.charge.id, 0)
			_, _ = l.backend.run(ctx, renewScript(), c)
		}
	}
}

// heldPermit is a permit in use, whose leases are renewed. A timer costs less than a goroutine for each.
type heldPermit struct {
	limiter  *Limiter
	result   Result
	ctx      context.Context // has the values of the caller's, but does not end: the release comes after it
	interval time.Duration

	mu       sync.Mutex
	timer    *time.Timer // guarded by mu
	released bool        // guarded by mu
}

// renew runs on a goroutine of its own. It does not hold the lock while it talks to Redis: a renewal that arrives after the
// release finds nothing to renew.
func (h *heldPermit) renew() {
	h.limiter.renew(h.ctx, h.result)
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.released {
		h.timer.Reset(h.interval)
	}
}

func (h *heldPermit) release() {
	h.mu.Lock()
	again := h.released
	h.released = true
	h.timer.Stop()
	h.mu.Unlock()
	if !again {
		_ = h.limiter.refund(h.ctx, h.result, true) // if Redis is away the lease runs out
	}
}
