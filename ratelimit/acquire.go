package ratelimit

import (
	"context"
	"sync"
	"time"
)

// Acquire is Allow for work that takes time. If the result is allowed, release must be called when the work is done: it
// gives back the permits of [Concurrency], and until then they are renewed. Other policies' permits stay charged. The
// release is never nil, may be called more than once, and does not wait for more than the limiter's timeout.
func (l *Limiter) Acquire(ctx context.Context, key string) (r Result, release func(), err error) {
	return l.acquire(ctx, key, 1)
}

func (l *Limiter) acquire(ctx context.Context, key string, n int) (Result, func(), error) {
	r, err := l.AllowN(ctx, key, n)
	if err != nil || !l.leases || r.charge.n == 0 {
		return r, func() {}, err
	}
	h := &held{limiter: l, result: r, ctx: context.WithoutCancel(ctx)}
	h.every = h.interval()
	h.mu.Lock()
	h.timer = time.AfterFunc(h.every, h.renew)
	h.mu.Unlock()
	return r, h.release, nil
}

// held is a lease in use.
type held struct {
	limiter *Limiter
	result  Result
	ctx     context.Context // outlives the request's, for its release does
	every   time.Duration

	mu       sync.Mutex
	timer    *time.Timer
	released bool
}

// interval is a third of the shortest lease, so that one renewal may fail.
func (h *held) interval() time.Duration {
	shortest := maxSpan
	for _, p := range h.limiter.parts {
		if p.kind == leasesKind {
			shortest = min(shortest, p.span)
		}
	}
	return shortest / 3
}

// renew runs on a goroutine of its own. It does not hold the lock while it talks to Redis: a renewal that comes after
// the release finds nothing to renew.
func (h *held) renew() {
	h.limiter.renew(h.ctx, h.result)
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.released {
		h.timer.Reset(h.every)
	}
}

func (h *held) release() {
	h.mu.Lock()
	again := h.released
	h.released = true
	h.timer.Stop()
	h.mu.Unlock()
	if !again {
		// If Redis is away the lease ends by itself.
		_ = h.limiter.giveBack(h.ctx, h.result, true)
	}
}

func (l *Limiter) renew(ctx context.Context, r Result) {
	if r.Source == FromLocal {
		l.local.renew(r.charge)
		return
	}
	keys := l.keysOf(r.charge.subject)
	for i, p := range l.parts {
		if p.kind == leasesKind {
			// A failure is counted by the breaker, and tried again in time.
			c := append(append(newCommand(keys[i:i+1], 6), p.args()...), r.charge.n, r.charge.id, 0)
			_, _ = l.backend.run(ctx, renewing(), c)
		}
	}
}
