package ratelimit

import (
	"context"

	"github.com/jollyjet/aside/internal/redisx"
)

// Ask is a request for n permits of a limiter.
type Ask struct {
	Limiter *Limiter
	Key     string
	N       int
}

// AllowAll asks limiters in turn, and charges all or none: when one denies, those before it get a refund. It is for
// limits on different keys, such as an address and a user. For several limits on one key use [All], which takes one step
// and no refund. Until the refund arrives, others may be denied because of it.
//
// There is one result for each limiter that was asked. The request is allowed if the last result is. After a denial or an
// error the limiters before charge nothing any more. The error is one of [Limiter.AllowN].
func AllowAll(ctx context.Context, asks ...Ask) ([]Result, error) {
	results := make([]Result, 0, len(asks))
	for _, a := range asks {
		r, err := a.Limiter.AllowN(ctx, a.Key, a.N)
		if err == nil {
			results = append(results, r)
		}
		if err != nil || !r.Allowed {
			refundAll(ctx, asks, results)
			return results, err
		}
	}
	return results, nil
}

// acquireAll is AllowAll for work that takes time; see [Limiter.AcquireContext].
func acquireAll(ctx context.Context, asks []Ask) (work context.Context, results []Result, release func(), err error) {
	work, results = ctx, make([]Result, 0, len(asks))
	var releases []func()
	release = func() {
		for _, one := range releases {
			one()
		}
	}
	for _, a := range asks {
		longer, r, one, err := a.Limiter.acquire(work, a.Key, a.N)
		work, releases = longer, append(releases, one)
		if err == nil {
			results = append(results, r)
		}
		if err != nil || !r.Allowed {
			release()
			refundAll(ctx, asks, results)
			return ctx, results, func() {}, err
		}
	}
	return work, results, release, nil
}

// refundAll gives back what the first asks were charged. The caller may have left, but the charge stands.
func refundAll(ctx context.Context, asks []Ask, results []Result) {
	ctx, done := redisx.Linger(ctx)
	defer done()
	for i := range results {
		_ = asks[i].Limiter.Refund(ctx, results[i]) // a charge that stays is an error on the safe side
		results[i].charge = charge{}
	}
}
