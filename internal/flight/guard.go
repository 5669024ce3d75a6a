package flight

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrGoexit is the error of work that ended its goroutine with [runtime.Goexit].
var ErrGoexit = errors.New("the function called runtime.Goexit")

// PanicError is the error of work that panicked.
type PanicError struct {
	Value any    // the argument of panic
	Stack []byte // of the goroutine that panicked
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
	err  error // written before done is closed, read after
}

// Done is closed when the function has ended.
func (w *Work) Done() <-chan struct{} { return w.done }

// Err waits for the end of the function. It returns nil, a *[PanicError], or [ErrGoexit].
func (w *Work) Err() error {
	<-w.done
	return w.err
}

// Guard runs a function in a goroutine of its own. Neither a panic nor runtime.Goexit in it affects the process or the
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
