package ratelimit

import (
	"context"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/lru"
)

// variants are a limiter's for other policies. They share its connections, options and counters.
type variants struct {
	base *Limiter
	made *lru.Map[any, *Limiter] // by policy; what is dropped is only made again
}

const maxVariants = 1000

func newVariants(base *Limiter) *variants {
	return &variants{base, lru.New[any, *Limiter](maxVariants)}
}

// PolicyOf sets the policy of each key, such as by the plan of a customer. It gets the key as it is charged, with the prefix of
// its kind such as "u:". If it returns nil the policy given to [New] applies. All policies share the limiter's connections and
// counters; [Stats] name the one given to New. PolicyOf is called for each request, from its goroutine, so it must be quick.
// It is not for a [Table], whose rules have policies of their own.
func PolicyOf(policy func(key string) Policy) Option {
	here.NotNil("PolicyOf", policy == nil)
	return func(c *config) { c.policyOf = policy }
}

// With is the limiter with another policy, for a limit by the call. It shares the limiter's connections, options and
// counters, and what was charged in so far as [Name] says. Closing it does nothing. A policy that was used before costs a
// look-up; a limiter remembers 1,000.
func (l *Limiter) With(policy Policy) *Limiter {
	if policy == nil {
		panic("ratelimit: With(nil): give a policy such as SlidingWindow(100, time.Minute)")
	}
	base := l.variants.base
	var key any = policy
	if _, ok := policy.(all); ok {
		key = policy.String() // a slice can't be a key
	}
	var variant *Limiter
	base.variants.made.With(key, func() *Limiter { return base.withPolicy(policy) }, func(v **Limiter) { variant = *v })
	return variant
}

// withPolicy makes a variant. It has the limiter's id, so either refunds what the other charged.
func (l *Limiter) withPolicy(policy Policy) *Limiter {
	c := l.config
	c.policyOf = nil
	v := borrow(l.backend, c, policy)
	v.id, v.charges, v.counters, v.variants, v.variant = l.id, l.charges, l.counters, l.variants, policy
	return v
}

// of is the limiter whose policy applies to a key.
func (l *Limiter) of(key string) *Limiter {
	if l.policyOf == nil {
		return l
	}
	if policy := l.policyOf(key); policy != nil {
		return l.With(policy)
	}
	return l
}

// kin is this limiter with the policy that a result is of.
func (l *Limiter) kin(r *Result) *Limiter {
	if r.variant == nil {
		return l.variants.base
	}
	return l.With(r.variant)
}

// AllowAtMost asks for up to n permits, and charges as many as there are. It returns how many that is; if there is none
// the result is a denial. While others take permits of the same key it may return fewer than there were. With [Shadow] it
// returns n. The error is that of [Limiter.AllowN]; n above what the policy can ever allow is no error here.
func (l *Limiter) AllowAtMost(ctx context.Context, key string, n int) (Result, int, error) {
	began := time.Now()
	l = l.of(key)
	if n < 1 {
		err := fmt.Errorf("%w: at most %d", ErrCost, n)
		l.report(key, &Result{}, err, time.Since(began))
		return Result{}, 0, err
	}
	r, granted, err := l.decideAtMost(ctx, key, min(n, l.most), began)
	l.settle(&r, err)
	if r.Shadow {
		granted = n
	}
	l.report(key, &r, err, time.Since(began))
	return r, granted, err
}

// maxTries bounds how often AllowAtMost asks for what it was told is left, and others took.
const maxTries = 10

func (l *Limiter) decideAtMost(ctx context.Context, key string, n int, began time.Time) (r Result, granted int, err error) {
	for range maxTries {
		if r, err = l.decide(ctx, key, n, began); err != nil {
			return r, 0, err
		}
		if r.Allowed {
			return r, n, nil
		}
		left := n - 1
		for _, one := range r.results() {
			left = min(left, one.Remaining)
		}
		if n = left; n < 1 || l.shadow {
			break
		}
	}
	return r, 0, nil
}
