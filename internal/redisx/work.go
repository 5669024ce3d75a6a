package redisx

import (
	"context"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/redisx/internal/rediserr"
)

// work runs the goroutines of a client, and bounds how long callers wait for them.
type work struct {
	timeout time.Duration // for a whole command
	timers  sync.Pool     // of *time.Timer; the client's own, so that they can live in a bubble of testing/synctest
	closing chan struct{} // closed by close
	running sync.WaitGroup

	mu     sync.Mutex // orders Add of running against Wait; the last lock that is taken
	closed bool       // guarded by mu
}

func newWork(timeout time.Duration) *work {
	return &work{timeout: timeout, closing: make(chan struct{})}
}

// close makes begin report false from now on. It reports false if it was called before.
func (w *work) close() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.closed = true
	close(w.closing)
	return true
}

// start runs f in a goroutine that wait for running covers. After close it reports false, and does not run f.
func (w *work) start(f func()) bool {
	if !w.begin() {
		return false
	}
	go func() {
		defer w.running.Done()
		f()
	}()
	return true
}

// begin adds one to running, for a goroutine that calls Done itself. After close it reports false.
func (w *work) begin() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.running.Add(1)
	}
	return !w.closed
}

// await runs f, which sends commands and waits for replies. It returns when f does, when ctx ends, or when the time-out
// plus more has passed, whatever holds up the client below. In the latter cases f continues for a moment, and nobody else
// may touch what f touches. The context of f has the values of ctx and the deadline of the command, not the caller's: a
// caller who leaves does not cost a connection.
func (w *work) await(ctx context.Context, more time.Duration, f func(ctx context.Context)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	done := make(chan struct{})
	below := w.bound(ctx, more)
	var caught *panicked
	if !w.start(func() { defer close(done); caught = catch(nil, func() { f(below) }) }) {
		return ErrClosed
	}
	if err := w.wait(ctx, more, done); err != nil {
		return err
	}
	caught.rethrow()
	return nil
}

// wait waits for done, but no longer than ctx and the time-out plus more allow.
func (w *work) wait(ctx context.Context, more time.Duration, done <-chan struct{}) error {
	patience := w.timeout + more + grace(w.timeout)
	t, ok := w.timers.Get().(*time.Timer)
	if ok {
		t.Reset(patience)
	} else {
		t = time.NewTimer(patience)
	}
	defer func() { t.Stop(); w.timers.Put(t) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return rediserr.Timeout{}
	}
}

// grace is how much longer than the time-out a caller waits: the client below has a better error for what went wrong.
func grace(timeout time.Duration) time.Duration { return min(timeout/10, 20*time.Millisecond) }

func (w *work) bound(ctx context.Context, more time.Duration) bounded {
	return bounded{ctx, time.Now().Add(w.timeout + more)}
}

// bounded is a context with the values of another, and with a deadline in place of the other's end. It is never done: code
// below that respects the deadline ends with it.
type bounded struct {
	context.Context
	deadline time.Time
}

// Deadline implements [context.Context].
func (b bounded) Deadline() (time.Time, bool) { return b.deadline, true }

// Done implements [context.Context].
func (bounded) Done() <-chan struct{} { return nil }

// Err implements [context.Context]. go-redis calls it before it begins something.
func (b bounded) Err() error {
	if time.Now().Before(b.deadline) {
		return nil
	}
	return context.DeadlineExceeded
}
