package ratelimit

import (
	"errors"
	"fmt"

	"github.com/jollyjet/aside/internal/redisx"
)

var (
	// ErrUnavailable is wrapped by errors of a limiter whose Redis is away and that has nothing to fall back on: those of
	// one made with [FailClosed], and those of Reset and Refund of any. Such an error also wraps that of Redis or the
	// network. The permits of a request that failed may or may not have been charged, but never more than once.
	ErrUnavailable = fmt.Errorf("ratelimit: %w", redisx.ErrUnavailable)

	// ErrCost is wrapped by the error for a request with a negative cost, or one above what the limit can ever allow.
	// Waiting does not help.
	ErrCost = errors.New("ratelimit: impossible cost")

	// ErrDenied is wrapped by the [DeniedError] of a function made by [Limit].
	ErrDenied = errors.New("ratelimit: denied")

	// ErrLeaseLost is wrapped by the cause of a context that [Limiter.AcquireContext], [Limit] or the middleware gave to
	// work, and that ended because the permit of [Concurrency] is gone: Redis has lost its lease (a failover, a full
	// memory, a Reset), and by the next renewal others had taken its place. Of a limiter made with [FailClosed] it also
	// means that the lease could not be renewed until it ended. See context.Cause.
	ErrLeaseLost = errors.New("ratelimit: lease lost")

	// ErrPolicy is wrapped by the errors of [ParsePolicy].
	ErrPolicy = errors.New("ratelimit: not a policy")

	// ErrRules is wrapped by errors about rules. The text says which rule is wrong, and why.
	ErrRules = errors.New("ratelimit: bad rules")

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
