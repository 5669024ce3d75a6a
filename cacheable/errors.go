package cacheable

import (
	"errors"

	"github.com/jollyjet/aside/internal/flight"
)

var (
	// ErrNotFound matches, by errors.Is, the error that Get returns for a cached absence. That error also matches every
	// error that the cache's NotFound accepts.
	ErrNotFound = errors.New("cacheable: not found")

	// ErrTimeout is wrapped by the error that Get returns when a load took longer than HardTimeout.
	ErrTimeout = errors.New("cacheable: the load took longer than HardTimeout")

	// ErrGoexit is wrapped by the error that Get returns when the loader ended its goroutine with runtime.Goexit, as
	// t.FailNow does.
	ErrGoexit = flight.ErrGoexit

	errAbandoned = errors.New("cacheable: no caller waits any more")
)

// PanicError is the value of the panic in a caller's goroutine after the loader panicked. It holds the loader's panic
// value and the stack of the loader's goroutine.
type PanicError = flight.PanicError
