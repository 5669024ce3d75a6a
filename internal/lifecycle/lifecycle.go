package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/background"
)

// ErrClosed is returned by everything but reads after the store was closed.
var ErrClosed = errors.New("store: closed")

// Lifecycle owns the goroutines of a store. It is safe for concurrent use.
type Lifecycle struct {
	log    *slog.Logger
	panics atomic.Int64
	loads  *background.Group // their context ends when they have had their time to end
	work   *background.Group // its context ends as soon as the store closes
	over   atomic.Bool       // Drain does not wait for writes any more

	mu      sync.Mutex
	closers []func()      // under mu
	writes  int           // under way; under mu
	idle    chan struct{} // under mu; closed when no write is under way; nil if nobody waits for that
}

// New returns the lifecycle of a store that is open.
func New(log *slog.Logger) *Lifecycle {
	l := &Lifecycle{log: log}
	l.loads, l.work = background.New(l.Recovered), background.New(l.Recovered)
	return l
}

// Closed reports whether closing has begun.
func (l *Lifecycle) Closed() bool { return l.work.Stopped() }

// Panics is how many panics were recovered.
func (l *Lifecycle) Panics() int64 { return l.panics.Load() }

// Load runs a load in a goroutine that closing waits for. It reports false, and does not run the load, once the store is
// closed.
func (l *Lifecycle) Load(f func()) bool { return l.loads.Go("load", func(context.Context) { f() }) }

// Background runs f in a goroutine that closing waits for; its context ends as soon as the store closes. what names it in
// the log of a panic. It reports false, and does not run f, once the store is closed.
func (l *Lifecycle) Background(what string, f func(ctx context.Context)) bool {
	return l.work.Go(what, f)
}

// LoadContext returns a context for a load: it has the values of ctx, but only cancel ends it, or the timeout if there is
// one (0 is none), or the store, if the load does not end in time after it was closed.
func (l *Lifecycle) LoadContext(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(l.loads.Context(), cancel)
	release := func() { stop(); cancel() }
	if timeout <= 0 {
		return ctx, release
	}
	ctx, expire := context.WithTimeout(ctx, timeout)
	return ctx, func() { expire(); release() }
}

// Over reports whether the store is closed for good: what a write evicts from now on finds no connection.
func (l *Lifecycle) Over() bool { return l.over.Load() }

// Write counts a decorated write, which closing waits for, until the func that it returns is called. Writes may begin when
// closing has.
func (l *Lifecycle) Write() (ended func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.writes--; l.writes == 0 && l.idle != nil {
			close(l.idle)
			l.idle = nil
		}
	}
}

// Writes is how many decorated writes are under way.
func (l *Lifecycle) Writes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writes
}

// writesEnd waits for the writes that are under way, until ctx ends.
func (l *Lifecycle) writesEnd(ctx context.Context) {
	l.mu.Lock()
	if l.writes > 0 && l.idle == nil {
		l.idle = make(chan struct{})
	}
	idle := l.idle
	l.mu.Unlock()
	if idle == nil {
		return
	}
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

// OnClose has f called when the store closes, after the loads have ended.
func (l *Lifecycle) OnClose(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closers = append(l.closers, f)
}

// Recovered counts and logs a panic that was recovered so that other work can go on.
func (l *Lifecycle) Recovered(what string, value any) {
	l.panics.Add(1)
	l.log.Error("aside: recovered panic", "in", what, "panic", fmt.Sprint(value))
}
