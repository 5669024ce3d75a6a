package ratelimit

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Limiter decides who may go on. All its methods may be called from any goroutine.
type Limiter struct {
	config
	parts   []part
	states  []string // the end of each part's key
	fixed   []any    // the scripts' arguments for each part, one after the other
	most    int      // the largest cost that can ever be allowed
	backend *backend
	shared  bool // the backend is another's to close
	take    *script
	local   *local
	deny    *denyCache
	leases  bool // one of the parts is Concurrency
	members bool // one of the parts keeps permits by name
	prefix  string
	charges atomic.Uint64
	counts  counters
}

// New makes a limiter. It connects to Redis when it is first used, with a client of its own made from the options of
// rdb, so that its timeouts hold and nothing is ever charged twice by a retry; [Limiter.Close] closes that client and
// not rdb. A client that can't be used, such as one that reads from replicas, or no policy, panics.
func New(rdb redis.UniversalClient, policy Policy, options ...Option) *Limiter {
	c := defaults()
	c.apply(options)
	checkPolicy(policy)
	return newLimiter(newBackend(rdb, &c), c, policy)
}

func checkPolicy(policy Policy) {
	if policy == nil {
		panic("ratelimit: New: the policy is nil; use SlidingWindow(100, time.Minute) or another")
	}
}

func newLimiter(b *backend, c config, policy Policy) *Limiter {
	l := &Limiter{config: c, parts: policy.parts(), most: maxLimit, backend: b, prefix: rand.Text()[:16]}
	l.counts.took = newTook()
	for _, p := range l.parts {
		l.most = min(l.most, p.limit)
		l.states = append(l.states, p.state())
		l.fixed = append(l.fixed, p.args()...)
		l.leases = l.leases || p.kind == leasesKind
		l.members = l.members || p.kind.helper != ""
	}
	l.take = takeScript(head, l.parts)
	l.local = newLocal(l.parts, c.replicas, c.localKeys)
	if c.denyKeys > 0 && !l.leases {
		l.deny = newDenyCache(c.denyKeys)
	}
	return l
}

// args are what a script has to know of the policy.
func (p part) args() []any {
	return []any{p.limit, strconv.FormatFloat(p.unit, 'f', -1, 64), p.slots}
}

// Name returns the limiter's [Name].
func (l *Limiter) Name() string { return l.name }

// Namespace returns the limiter's [Namespace].
func (l *Limiter) Namespace() string { return l.conn.Namespace }

// Close closes the limiter's connections. Permits that are held run into the end of their leases.
func (l *Limiter) Close() error {
	if l.shared {
		return nil
	}
	return l.backend.close()
}

// Allow asks for one permit for key, and charges it if the answer is yes. The key is anything that names whom to charge;
// long ones are hashed. The error is that of ctx, or wraps [ErrUnavailable] and comes only with [FailClosed].
func (l *Limiter) Allow(ctx context.Context, key string) (Result, error) {
	return l.AllowN(ctx, key, 1)
}

// AllowN asks for n permits at once, all or none. With n = 0 it is Peek. An n below 0, or above what the policy can ever
// allow, is an error that wraps [ErrCost].
func (l *Limiter) AllowN(ctx context.Context, key string, n int) (Result, error) {
	began := time.Now()
	r, err := l.decide(ctx, key, n, began)
	if err == nil && l.shadow && !r.Allowed {
		r.Allowed, r.Shadow, r.RetryAfter = true, true, 0
	}
	if n > 0 || err != nil {
		l.record(&r, err, began)
	}
	return r, err
}

// Peek tells what Allow would say, and charges nothing.
func (l *Limiter) Peek(ctx context.Context, key string) (Result, error) { return l.AllowN(ctx, key, 0) }

func (l *Limiter) decide(ctx context.Context, key string, n int, began time.Time) (Result, error) {
	if n < 0 || n > l.most {
		return Result{}, fmt.Errorf("%w: %d of at most %d", ErrCost, n, l.most)
	}
	subject := subjectOf(key)
	if r, denied := l.deny.denies(subject, n, began); denied {
		return r, nil
	}
	c := newCommand(l.keysOf(subject), 2+len(l.fixed))
	c = append(append(c, n), l.fixed...)
	id := ""
	if l.members {
		id = l.prefix + strconv.FormatUint(l.charges.Add(1), 36)
		c = append(c, id)
	}
	reply, err := l.backend.run(ctx, l.take, c)
	if err != nil {
		return l.without(ctx, subject, n, err)
	}
	r := assemble(l.parts, readings(reply), n, FromRedis)
	if r.Allowed && n > 0 {
		r.charge = charge{owner: l, subject: subject, id: id, at: float64(reply[0]), n: n}
	}
	if !r.Allowed {
		l.deny.add(subject, n, began, r)
	}
	return r, nil
}

func readings(reply []int64) []reading {
	read := make([]reading, 0, len(reply)/4)
	for at := 1; at+3 < len(reply); at += 4 {
		read = append(read, reading{float64(reply[at]), float64(reply[at+1]), float64(reply[at+2]), float64(reply[at+3])})
	}
	return read
}

// without decides when Redis could not.
func (l *Limiter) without(ctx context.Context, subject string, n int, err error) (Result, error) {
	l.counts.errors.Add(1)
	if ctx.Err() != nil || l.fallback == fallClosed {
		return Result{}, err
	}
	p := l.parts[0]
	if l.fallback == fallOpen {
		return Result{Allowed: true, Source: FromFailOpen, Policy: p.name, Limit: p.limit, Remaining: p.limit}, nil
	}
	read, at, id := l.local.take(subject, n)
	r := assemble(l.local.parts, read, n, FromLocal)
	if r.Allowed && n > 0 {
		r.charge = charge{owner: l, subject: subject, local: id, at: at, n: n}
	}
	return r, nil
}

// Refund gives back what a request was charged, for instance because it did no work after all. The policies take back
// exactly that charge, and a token bucket what has not flowed back by itself since. Refunding a result that charged
// nothing does nothing; refunding one twice gives too much. The error is that of ctx, or wraps [ErrUnavailable].
func (l *Limiter) Refund(ctx context.Context, r Result) error { return l.giveBack(ctx, r, false) }

func (l *Limiter) giveBack(ctx context.Context, r Result, leases bool) error {
	c := r.charge
	switch {
	case c.n == 0:
		return nil
	case c.owner != l:
		return ErrForeign
	case r.Source == FromLocal:
		l.local.give(c, leases)
		return nil
	}
	l.deny.forget(c.subject)
	keys := l.keysOf(c.subject)
	var failed error
	for i, p := range l.parts {
		if leases && p.kind != leasesKind {
			continue
		}
		command := append(append(newCommand(keys[i:i+1], 6), p.args()...), c.n, c.id, strconv.FormatFloat(c.at, 'f', 0, 64))
		if _, err := l.backend.run(ctx, p.kind.refunding(), command); err != nil {
			failed = err
		}
	}
	return failed
}

// Reset forgets what key was charged. The error is that of ctx, or wraps [ErrUnavailable].
func (l *Limiter) Reset(ctx context.Context, key string) error {
	subject := subjectOf(key)
	l.local.forget(subject)
	defer l.deny.forget(subject)
	return l.backend.del(ctx, l.keysOf(subject))
}

// keysOf returns the keys of all parts. The subject is their hash tag, so that one script may use them all on Cluster.
func (l *Limiter) keysOf(subject string) []string {
	keys := make([]string, len(l.states))
	for i, state := range l.states {
		keys[i] = l.conn.Namespace + ":rl:" + l.name + ":{" + subject + "}:" + state
	}
	return keys
}
