package ratelimit

import (
	"errors"
	"fmt"

	"github.com/jollyjet/aside/internal/redisx"
)

var (
	// ErrUnavailable is wrapped by the errors of a limiter whose Redis is away and that has nothing to fall back on:
	// one made with [FailClosed], and the methods Reset and Refund of any. It also wraps what Redis or the network
	// said. The permits of a request that failed may have been charged or not, but never more than once.
	ErrUnavailable = fmt.Errorf("ratelimit: %w", redisx.ErrUnavailable)

	// ErrCost is wrapped by the error for a request that costs less than nothing, or more than the limit can ever
	// allow. Waiting does not help.
	ErrCost = errors.New("ratelimit: impossible cost")

	// ErrDenied is wrapped by the [DeniedError] of a function made by [Limit].
	ErrDenied = errors.New("ratelimit: denied")

	// ErrForeign is returned by Refund for a result of another limiter.
	ErrForeign = errors.New("ratelimit: the result is another limiter's")
)

// DeniedError is what a function made by [Limit] returns instead of running. It wraps [ErrDenied]; its Result says when
// to come again.
type DeniedError struct{ Result Result }

func (e *DeniedError) Error() string {
	return ErrDenied.Error() + " by " + e.Result.Policy + ", retry after " + e.Result.RetryAfter.String()
}

// Unwrap returns [ErrDenied].
func (e *DeniedError) Unwrap() error { return ErrDenied }
