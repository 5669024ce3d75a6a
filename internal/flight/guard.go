package flight

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrGoexit is the outcome of work that ended its goroutine with [runtime.Goexit].
var ErrGoexit = errors.New("the function called runtime.Goexit")

// PanicError is the outcome of work that panicked.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // where
}

func (p *PanicError) Error() string { return fmt.Sprintf("panic: %v\n\n%s", p.Value, p.Stack) }

// Unwrap returns the value of the panic if it is an error.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Work is a function that runs, or ran, under [Guard].
type Work struct {
	done chan struct{}
	err  error
}

// Done is closed when the function has ended.
func (w *Work) Done() <-chan struct{} { return w.done }

// Err says how it ended: nil, a *[PanicError], or [ErrGoexit]. It waits for the end.
func (w *Work) Err() error {
	<-w.done
	return w.err
}

// Guard runs a function in a goroutine of its own. What happens in there can end neither the process nor the
// caller's goroutine.
func Guard(f func()) *Work {
	w := &Work{done: make(chan struct{}), err: ErrGoexit}
	go func() {
		defer close(w.done)
		defer func() {
			if value := recover(); value != nil {
				w.err = &PanicError{Value: value, Stack: debug.Stack()}
			}
		}()
		f()
		w.err = nil
	}()
	return w
}
