package ratelimit

import (
	"time"

	"github.com/jollyjet/aside/internal/lru"
)

// denyCache repeats denials without asking Redis. That is sound because only a reset, a refund or a raised limit can allow
// a request before its time. A nil cache never denies.
type denyCache struct {
	denials *lru.Map[string, denial] // by hash tag
}

type denial struct {
	cost   int       // requests that cost as much or more are denied
	began  time.Time // before Redis decided
	until  time.Time
	result Result
}

// denyFor is the longest that a denial is repeated.
const denyFor = time.Second

func newDenyCache(keys int) *denyCache { return &denyCache{lru.New[string, denial](keys)} }

func (d *denyCache) add(hashTag string, n int, began time.Time, r Result) {
	if d == nil || n == 0 {
		return
	}
	// The time counts from before the request was sent, so no denial outlives its reason.
	fresh := denial{cost: n, began: began, until: began.Add(min(r.RetryAfter, denyFor)), result: r}
	d.denials.With(hashTag, func() denial { return fresh }, func(old *denial) {
		if fresh.cost <= old.cost || !began.Before(old.until) {
			*old = fresh
		}
	})
}

func (d *denyCache) denies(hashTag string, n int, now time.Time) (r Result, denied bool) {
	if d == nil || n == 0 {
		return Result{}, false
	}
	d.denials.With(hashTag, nil, func(old *denial) {
		if n >= old.cost && now.Before(old.until) {
			r, denied = old.result.later(now.Sub(old.began)), true
		}
	})
	return r, denied
}

func (d *denyCache) remove(hashTag string) {
	if d != nil {
		d.denials.Remove(hashTag)
	}
}
