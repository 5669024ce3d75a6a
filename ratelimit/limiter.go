package ratelimit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Limiter decides who may go on. All its methods may be called from any goroutine.
type Limiter struct {
	config
	parts    []part
	states   []string // the end of each part's key
	fixed    []any    // the scripts' arguments for each part, one after the other
	most     int      // the largest cost that can ever be allowed
	backend  *backend
	borrowed bool // the backend is a table's to close
	script   *script
	local    *local
	deny     *denyCache
	leased   bool   // one of the parts is Concurrency
	members  bool   // one of the parts keeps permits by name
	id       string // of this limiter, and the start of its charges' ids
	charges  *atomic.Uint64
	counters *counters
	variants *variants
	variant  Policy // nil for the limiter that New made

	leaseLost sync.Once // has been logged
}

// New makes a limiter. It connects to Redis when it is first used. It has a client of its own, made from the options of
// rdb, so that its timeouts hold and no retry charges twice; [Limiter.Close] closes that client and not rdb. New panics if
// the client can't be used, such as one that reads from replicas, if there is no policy, or if an open limiter of the same
// client has the same [Name] and another policy for the same state: give one another name, or use a [Table] to change limits.
func New(rdb redis.UniversalClient, policy Policy, options ...Option) *Limiter {
	c := defaults()
	c.apply(options)
	if policy == nil {
		panic("ratelimit: New: the policy is nil; use SlidingWindow(100, time.Minute) or another")
	}
	l := newLimiter(newBackend(rdb, &c), c, policy)
	if err := claimed.claim(l, l.uses()); err != nil {
		_ = l.Close() // it has no connections yet
		panic("ratelimit: New: " + err.Error())
	}
	return l
}

func newLimiter(b *backend, c config, policy Policy) *Limiter {
	l := &Limiter{
		config: c, parts: policy.parts(), most: maxLimit, backend: b, id: rand.Text()[:16], counters: newCounters(), charges: new(atomic.Uint64),
	}
	for _, p := range l.parts {
		l.most = min(l.most, p.limit)
		l.states = append(l.states, p.state(c.name != unnamed))
		l.fixed = append(l.fixed, p.args()...)
		l.leased = l.leased || p.algorithm == leases
		l.members = l.members || len(p.algorithm.helpers) > 0
	}
	l.script = takeScript(head, l.parts)
	l.local = newLocal(l.parts, c.replicas, c.localKeys)
	if c.denyKeys > 0 && !l.leased {
		l.deny = newDenyCache(c.denyKeys)
	}
	l.variants = newVariants(l)
	return l
}

// borrow makes a limiter with the connections of another owner, who closes them.
func borrow(b *backend, c config, policy Policy) *Limiter {
	l := newLimiter(b, c, policy)
	l.borrowed = true
	return l
}

// Name returns the limiter's [Name].
func (l *Limiter) Name() string { return l.name }

// Namespace returns the limiter's [Namespace].
func (l *Limiter) Namespace() string { return l.conn.Namespace }

// Close closes the limiter's connections. The leases of permits that are held run out.
func (l *Limiter) Close() error {
	if l.borrowed {
		return nil
	}
	claimed.release(l, l.uses())
	return l.backend.close()
}

// Allow asks for one permit for key, and charges it if the answer is yes. The key is anything that names whom to charge;
// long ones are hashed. The error is that of ctx, or wraps [ErrUnavailable] and comes only with [FailClosed].
func (l *Limiter) Allow(ctx context.Context, key string) (Result, error) {
	return l.AllowN(ctx, key, 1)
}

// AllowN asks for n permits at once, all or none. With n = 0 it is Peek. If n is below 0, or above what the policy can ever
// allow, the error wraps [ErrCost].
func (l *Limiter) AllowN(ctx context.Context, key string, n int) (Result, error) {
	began := time.Now()
	l = l.of(key)
	r, err := l.decide(ctx, key, n, began)
	l.settle(&r, err)
	if n > 0 || err != nil {
		l.report(key, &r, err, time.Since(began))
	}
	return r, err
}

// settle makes a decision the limiter's answer.
func (l *Limiter) settle(r *Result, err error) {
	r.variant = l.variant
	if err == nil && l.shadow && !r.Allowed {
		r.Allowed, r.Shadow, r.RetryAfter = true, true, 0
	}
}

// Peek returns what Allow would, and charges nothing.
func (l *Limiter) Peek(ctx context.Context, key string) (Result, error) { return l.AllowN(ctx, key, 0) }

func (l *Limiter) decide(ctx context.Context, key string, n int, began time.Time) (Result, error) {
	if n < 0 || n > l.most {
		return Result{}, fmt.Errorf("%w: %d of at most %d", ErrCost, n, l.most)
	}
	hashTag := hashTagOf(key)
	if r, denied := l.deny.denies(hashTag, n, began); denied {
		return r, nil
	}
	c := newCommand(l.keysOf(hashTag), 2+len(l.fixed))
	c = append(append(c, n), l.fixed...)
	id := ""
	if l.members {
		id = l.id + strconv.FormatUint(l.charges.Add(1), 36)
		c = append(c, id)
	}
	reply, err := l.backend.run(ctx, l.script, c)
	if err != nil {
		return l.fallBack(ctx, hashTag, n, err)
	}
	r := assemble(l.parts, readings(reply), n, FromRedis)
	if r.Allowed && n > 0 {
		r.charge = charge{limiter: l.id, hashTag: hashTag, id: id, at: float64(reply[0]), n: n}
	}
	if !r.Allowed {
		l.deny.add(hashTag, n, began, r)
	}
	return r, nil
}

// fallBack decides without Redis, which could not because of err.
func (l *Limiter) fallBack(ctx context.Context, hashTag string, n int, err error) (Result, error) {
	if !errors.Is(ctx.Err(), context.Canceled) { // a caller that hung up says nothing about Redis
		l.counters.errors.Add(1)
	}
	if ctx.Err() != nil || l.fallback == fallbackClosed {
		return Result{}, err
	}
	p := l.parts[0]
	if l.fallback == fallbackOpen {
		return Result{Allowed: true, Source: FromFailOpen, Policy: p.name, Limit: p.limit, Remaining: p.limit}, nil
	}
	read, at, id := l.local.take(hashTag, n)
	r := assemble(l.local.parts, read, n, FromLocal)
	if r.Allowed && n > 0 {
		r.charge = charge{limiter: l.id, hashTag: hashTag, local: id, at: at, n: n}
	}
	return r, nil
}

func (l *Limiter) report(key string, r *Result, err error, took time.Duration) {
	l.counters.count(r, err, took)
	if errors.Is(err, ErrCost) {
		l.counters.costLogged.Do(func() {
			l.conn.Log.Error("aside: a request's cost can never be allowed; correct the Cost or n, or raise the limit", "limiter", l.name, "error", err)
		})
	}
	if l.observe == nil {
		return
	}
	if !l.plainKeys {
		key = digest(key)
	}
	l.observe(Event{Limiter: l.name, Key: key, Result: *r, Err: err, Took: took})
}

// Refund gives back what a request was charged, for instance because it did no work after all. The policies take back
// exactly that charge, and a token bucket what has not flowed back by itself since. Refunding a result that charged
// nothing does nothing; refunding one twice gives too much. The error is that of ctx, or wraps [ErrUnavailable].
func (l *Limiter) Refund(ctx context.Context, r Result) error { return l.refund(ctx, r, false) }

// refund gives a charge back, or only its leases.
func (l *Limiter) refund(ctx context.Context, r Result, onlyLeases bool) error {
	l = l.kin(&r)
	c := r.charge
	switch {
	case c.n == 0:
		return nil
	case c.limiter != l.id:
		return ErrForeign
	case r.Source == FromLocal:
		l.local.give(c, onlyLeases)
		return nil
	}
	l.deny.remove(c.hashTag)
	keys := l.keysOf(c.hashTag)
	var failed error
	for i, p := range l.parts {
		if onlyLeases && p.algorithm != leases {
			continue
		}
		command := append(append(newCommand(keys[i:i+1], 6), p.args()...), c.n, c.id, strconv.FormatFloat(c.at, 'f', 0, 64))
		if _, err := l.backend.run(ctx, refundScriptOf(p.algorithm), command); err != nil {
			failed = err
		}
	}
	return failed
}

// Reset forgets what key was charged. Permits of [Concurrency] in use are charged again by their next
// renewal. The error is that of ctx, or wraps [ErrUnavailable].
func (l *Limiter) Reset(ctx context.Context, key string) error {
	l = l.of(key)
	hashTag := hashTagOf(key)
	l.local.remove(hashTag)
	defer l.deny.remove(hashTag)
	return l.backend.del(ctx, l.keysOf(hashTag))
}

// keysOf returns the keys of all parts. They share a hash tag, so that one script may use them all on Cluster.
func (l *Limiter) keysOf(hashTag string) []string {
	keys := make([]string, len(l.states))
	for i, state := range l.states {
		keys[i] = l.conn.Namespace + ":rl:" + l.name + ":{" + hashTag + "}:" + state
	}
	return keys
}

// uses are the states that the limiter has for each key.
func (l *Limiter) uses() []use {
	uses := make([]use, len(l.parts))
	for i, p := range l.parts {
		at := place{client: l.backend.given, state: l.conn.Namespace + ":rl:" + l.name + ":" + l.states[i]}
		uses[i] = use{place: at, policy: p, shared: l.shared, log: l.conn.Log}
	}
	return uses
}

// Stats returns the counters. They are not read at one instant.
func (l *Limiter) Stats() Stats {
	s := l.counters.read()
	s.Policy, s.BreakerOpen = all(l.parts).String(), l.backend.openBreakers.any()
	return s
}
