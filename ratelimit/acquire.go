package ratelimit

import (
	"context"
	"fmt"
	"time"
)

// Acquire is Allow for work that takes time. If the result is allowed, release must be called when the work is done: it
// gives back the permits of [Concurrency], which are renewed until then. Other policies' permits stay charged. The release
// is never nil, may be called more than once, and takes no longer than the limiter's timeout. Work that can be stopped uses
// [Limiter.AcquireContext].
func (l *Limiter) Acquire(ctx context.Context, key string) (r Result, release func(), err error) {
	_, r, release, err = l.acquire(ctx, key, 1)
	return r, release, err
}

// AcquireContext is [Limiter.Acquire] with a context for the work. It ends with ctx, with the release, and when the permit
// is gone. Then context.Cause of it wraps [ErrLeaseLost], and the work should stop: somebody else does it in its place.
// A lease that Redis has lost is taken back while there is room, without a sign. That is tried three times in each lease, so
// after a failover up to 2n may be at work for a third of a lease. With [Shadow], and for a permit that is not of
// [Concurrency], nothing but ctx and the release ends the context. If the result is not allowed it is ctx.
func (l *Limiter) AcquireContext(ctx context.Context, key string) (work context.Context, r Result, release func(), err error) {
	return l.acquire(ctx, key, 1)
}

func (l *Limiter) acquire(ctx context.Context, key string, n int) (context.Context, Result, func(), error) {
	began := time.Now()
	r, err := l.AllowN(ctx, key, n)
	l = l.kin(&r)
	if err != nil || !l.leased || r.charge.n == 0 {
		return ctx, r, func() {}, err
	}
	work, lose := context.WithCancelCause(ctx)
	h := &heldPermit{
		limiter: l, result: r, ctx: context.WithoutCancel(ctx), lose: lose, lease: l.shortestLease(), confirmed: began,
	}
	h.start()
	return work, r, h.release, nil
}

func (l *Limiter) shortestLease() time.Duration {
	shortest := maxSpan
	for _, p := range l.parts {
		if p.algorithm == leases {
			shortest = min(shortest, p.span)
		}
	}
	return shortest
}

// renew prolongs the leases of a charge in Redis. Before it takes one back it asks whether it may. The error is
// ErrLeaseLost if there was no room, even if something else failed too.
func (l *Limiter) renew(ctx context.Context, c charge, mayTakeBack func() bool) (failed error) {
	keys := l.keysOf(c.hashTag)
	for i, p := range l.parts {
		if p.algorithm != leases {
			continue
		}
		gone, err := l.renewPart(ctx, keys[i:i+1], p, c, mayTakeBack)
		if gone {
			return ErrLeaseLost
		}
		if err != nil {
			failed = err
		}
	}
	return failed
}

// renewPart reports whether a lease is gone and was not taken back for lack of room. A take-back that Redis carries out
// later than the timeout has no effect: the release may have come before it.
func (l *Limiter) renewPart(ctx context.Context, key []string, p part, c charge, mayTakeBack func() bool) (gone bool, err error) {
	now, missing, err := l.prolong(ctx, key, p, c, 0)
	if err != nil || missing == 0 || !mayTakeBack() {
		return false, err
	}
	_, missing, err = l.prolong(ctx, key, p, c, now+l.conn.Timeout.Microseconds())
	if err == nil && missing == 0 {
		l.counters.leasesRetaken.Add(1)
	}
	return missing > 0, err
}

// prolong runs the renewal, which takes back what is missing unless it is later than until by the clock of Redis.
func (l *Limiter) prolong(ctx context.Context, key []string, p part, c charge, until int64) (now, missing int64, err error) {
	command := append(append(newCommand(key, 6), p.args()...), c.n, c.id, until)
	reply, err := l.backend.run(ctx, renewScript(), command)
	if err != nil {
		return 0, 0, err
	}
	if len(reply) != 2 {
		return 0, 0, fmt.Errorf("%w: the renewal of a lease answered %v", ErrUnavailable, reply)
	}
	return reply[0], reply[1], nil
}

// logLeaseLost says once what an operator can do about it; counters have the rest.
func (l *Limiter) logLeaseLost(cause error) {
	l.leaseLost.Do(func() {
		l.conn.Log.Warn("aside: a permit in use has lost its lease, so its work was told to stop; look for a failover, a full Redis "+
			"(maxmemory-policy), or a lease shorter than an outage", "limiter", l.name, "cause", cause)
	})
}
