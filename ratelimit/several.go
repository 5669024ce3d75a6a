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
// limits on different keys, such as an address and a user; for several limits on one key use [All], which takes one step
// and no refund. Until a refund has come, others may be denied for its sake.
//
// There is one result for each limiter that was asked. The request is allowed if the last one is; after a denial or an
// error those before it charge nothing any more. The error is one of [Limiter.AllowN].
func AllowAll(ctx context.Context, asks ...Ask) ([]Result, error) {
	results := make([]Result, 0, len(asks))
	for _, a := range asks {
		r, err := a.Limiter.AllowN(ctx, a.Key, a.N)
		if err == nil {
			results = append(results, r)
		}
		if err != nil || !r.Allowed {
			undo(ctx, results)
			return results, err
		}
	}
	return results, nil
}

// acquireAll is AllowAll for work that takes time; see [Limiter.Acquire].
func acquireAll(ctx context.Context, asks []Ask) (results []Result, release func(), err error) {
	results = make([]Result, 0, len(asks))
	var releases []func()
	release = func() {
		for _, one := range releases {
			one()
		}
	}
	for _, a := range asks {
		r, one, err := a.Limiter.acquire(ctx, a.Key, a.N)
		releases = append(releases, one)
		if err == nil {
			results = append(results, r)
		}
		if err != nil || !r.Allowed {
			release()
			undo(ctx, results)
			return results, func() {}, err
		}
	}
	return results, release, nil
}

// undo gives back what was charged. The caller may be gone, but the charge is not.
func undo(ctx context.Context, results []Result) {
	ctx, done := redisx.Linger(ctx)
	defer done()
	for i := range results {
		if l := results[i].charge.owner; l != nil {
			_ = l.Refund(ctx, results[i]) // a charge that stays is an error on the safe side
		}
		results[i].charge = charge{}
	}
}
