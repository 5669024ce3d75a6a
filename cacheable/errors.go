package cacheable

import (
	"errors"
	"fmt"

	"github.com/jollyjet/aside/internal/flight"
)

var (
	// ErrNotFound is matched, in the sense of errors.Is, by the error that Get returns for an absence that is in the
	// cache. That error also matches every error that the cache's NotFound accepts.
	ErrNotFound = errors.New("cacheable: not found")

	// ErrTimeout is wrapped by the error that Get returns when a load took longer than HardTimeout.
	ErrTimeout = errors.New("cacheable: the load took longer than HardTimeout")

	// ErrGoexit is wrapped by the error that Get returns when the loader ended its goroutine with runtime.Goexit, as
	// t.FailNow does.
	ErrGoexit = flight.ErrGoexit

	errAbandoned = errors.New("cacheable: nobody waits any more")
)

// PanicError is what a caller's goroutine panics with when the loader panicked: the value, and the stack of the
// loader's goroutine.
type PanicError = flight.PanicError

// absentError is the answer for an absence that is in the cache. The source's own error is not kept, for it can't be
// encoded; instead this one counts as whatever the cache's NotFound accepts.
type absentError struct {
	cache, key string
	accepts    func(error) bool
}

func (e *absentError) Error() string {
	return fmt.Sprintf("cacheable: %s: %s: not found", e.cache, e.key)
}

func (e *absentError) Is(target error) bool {
	return target == ErrNotFound || e.accepts(target)
}
