package ratelimit

import "context"

// Limit puts limits in front of any function: what it returns is called like fn. A call that a limiter denies does not
// run fn and returns a [DeniedError]; the other errors are those of [Limiter.Allow] and of fn. If there are several
// limiters all must allow the call; see [AllowAll]. A permit of [Concurrency] is held while fn runs, and the context that fn
// gets ends with fn, or when the permit is lost; see [Limiter.AcquireContext]. The function may be called from any goroutine if
// fn may.
func Limit[A, R any](
	fn func(context.Context, A) (R, error), keyOf func(A) string, limiters ...*Limiter,
) func(context.Context, A) (R, error) {
	if fn == nil || keyOf == nil || len(limiters) == 0 {
		panic("ratelimit: Limit: give a function, a keyOf and one limiter or more")
	}
	checkLimiters("Limit", limiters)
	return func(ctx context.Context, a A) (R, error) {
		var none R
		key := keyOf(a)
		asks := make([]Ask, len(limiters))
		for i, l := range limiters {
			asks[i] = Ask{Limiter: l, Key: key, N: 1}
		}
		work, results, release, err := acquireAll(ctx, asks)
		if err != nil {
			return none, err
		}
		defer release()
		if r := results[len(results)-1]; !r.Allowed {
			return none, &DeniedError{Result: r}
		}
		return fn(work, a)
	}
}

func checkLimiters(call string, limiters []*Limiter) {
	for _, l := range limiters {
		if l == nil {
			panic("ratelimit: " + call + ": a limiter is nil; use one made by New")
		}
	}
}
