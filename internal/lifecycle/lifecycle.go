package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed is returned by everything but reads after the store was closed.
var ErrClosed = errors.New("store: closed")

// Lifecycle owns the goroutines of a store. It is safe for concurrent use.
type Lifecycle struct {
	log        *slog.Logger
	loads      context.Context // ends when running loads have had their time to end
	cancel     context.CancelFunc
	background context.Context // ends as soon as the store closes
	stop       context.CancelFunc
	panics     atomic.Int64

	mu      sync.Mutex  // orders starting against closing
	closed  atomic.Bool // written under mu
	closers []func()    // under mu
	work    sync.WaitGroup
	watch   sync.WaitGroup
}

// New returns the lifecycle of a store that is open.
func New(log *slog.Logger) *Lifecycle {
	l := &Lifecycle{log: log}
	l.loads, l.cancel = context.WithCancel(context.Background())
	l.background, l.stop = context.WithCancel(context.Background())
	return l
}

// Closed reports whether closing has begun.
func (l *Lifecycle) Closed() bool { return l.closed.Load() }

// Panics is how many panics were recovered.
func (l *Lifecycle) Panics() int64 { return l.panics.Load() }

// Load runs a load in a goroutine that closing waits for. It reports false, and does not run the load, once the store is
// closed.
func (l *Lifecycle) Load(f func()) bool { return l.start(&l.work, "load", f) }

// Background runs f in a goroutine that closing waits for; its context ends as soon as the store closes. what names it in
// the log of a panic. It reports false, and does not run f, once the store is closed.
func (l *Lifecycle) Background(what string, f func(ctx context.Context)) bool {
	return l.start(&l.watch, what, func() { f(l.background) })
}

func (l *Lifecycle) start(group *sync.WaitGroup, what string, f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		return false
	}
	group.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				l.Recovered(what, v)
			}
		}()
		f()
	})
	return true
}

// LoadContext returns a context for a load: it has the values of ctx, but only cancel ends it, or the timeout if there is
// one (0 is none), or the store, if the load does not end in time after it was closed.
func (l *Lifecycle) LoadContext(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(l.loads, cancel)
	release := func() { stop(); cancel() }
	if timeout <= 0 {
		return ctx, release
	}
	ctx, expire := context.WithTimeout(ctx, timeout)
	return ctx, func() { expire(); release() }
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
