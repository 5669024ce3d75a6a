package evict

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jollyjet/aside/internal/breaker"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/store"
)

const (
	poisonTries = 5 // how often evictions are refused for their own sake until more is evicted instead
	forever     = 0
)

// errPoison says that evictions are refused for their own sake.
var errPoison = errors.New("evict: FromChanges: the evictions of a change are refused")

// errPanic is wrapped by the error of a function that has panicked.
var errPanic = errors.New("evict: FromChanges: panic")

// isPoison reports whether an eviction may have failed because of what it evicts. While Redis is away, loading, full or
// forbids what the store does, no other eviction would do better.
func isPoison(err error) bool {
	away := []error{
		breaker.ErrOpen, context.Canceled, context.DeadlineExceeded,
		redisx.ErrClosed, redisx.ErrNotMaster, redisx.ErrOtherData, redisx.ErrRetired, redisx.ErrNotSent,
	}
	if slices.ContainsFunc(away, func(target error) bool { return errors.Is(err, target) }) {
		return false
	}
	return !redisx.Unhealthy(err) && !redisx.UnknownCommand(err) &&
		!redisx.Says(err, "LOADING", "BUSY", "OOM", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "MISCONF", "NOAUTH",
			"WRONGPASS", "NOPERM", "UNKILLABLE", "max number of clients", "DENIED", "NOSCRIPT", "MOVED", "ASK", "TRYAGAIN")
}

// guard turns a panic into an error.
func guard(st *store.Store, f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			st.Engine().Life.Recovered("evict: FromChanges", value)
			err = fmt.Errorf("%w: %v", errPanic, value)
		}
	}()
	return f()
}
