package ratelimit

import "time"

// denyCache repeats denials. That is sound, for only a reset, a refund or a raised limit can allow a request before its
// time. A nil cache never denies.
type denyCache struct{ keys *lru[denial] }

type denial struct {
	cost   int       // requests that cost as much or more are denied
	began  time.Time // before Redis decided
	until  time.Time
	result Result
}

const denyFor = time.Second

func newDenyCache(keys int) *denyCache { return &denyCache{newLRU[denial](keys)} }

func (d *denyCache) add(subject string, n int, began time.Time, r Result) {
	if d == nil || n == 0 {
		return
	}
	// The time counts from before the request was sent, so no denial outlives its reason.
	fresh := denial{cost: n, began: began, until: began.Add(min(r.RetryAfter, denyFor)), result: r}
	d.keys.with(subject, func() denial { return fresh }, func(old *denial) {
		if fresh.cost <= old.cost || !began.Before(old.until) {
			*old = fresh
		}
	})
}

func (d *denyCache) denies(subject string, n int, now time.Time) (r Result, denied bool) {
	if d == nil || n == 0 {
		return Result{}, false
	}
	d.keys.with(subject, nil, func(old *denial) {
		if n >= old.cost && now.Before(old.until) {
			r, denied = old.result.later(now.Sub(old.began)), true
		}
	})
	return r, denied
}

func (d *denyCache) forget(subject string) {
	if d != nil {
		d.keys.remove(subject)
	}
}

// later is the result of a moment ago, as seen now.
func (r Result) later(by time.Duration) Result {
	r.Source = FromDenyCache
	r.RetryAfter, r.NextAfter, r.ResetAfter = max(0, r.RetryAfter-by), max(0, r.NextAfter-by), max(0, r.ResetAfter-by)
	each := r.Each
	r.Each = nil
	for _, one := range each {
		r.Each = append(r.Each, one.later(by))
	}
	return r
}
