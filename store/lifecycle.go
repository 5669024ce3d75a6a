package store

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// lifecycle owns the goroutines of a store: none is started after it is closed, and closing waits for them.
type lifecycle struct {
	loads      context.Context // ends when running loads have had their time to drain
	cancel     context.CancelFunc
	background context.Context // ends as soon as the store closes
	stop       context.CancelFunc

	mu      sync.Mutex  // orders starting against closing
	closed  atomic.Bool // changes under mu
	closers []func()
	work    sync.WaitGroup // loads
	watch   sync.WaitGroup // feed and replays
	panics  atomic.Int64
}

func newLifecycle() *lifecycle {
	l := &lifecycle{}
	l.loads, l.cancel = context.WithCancel(context.Background())
	l.background, l.stop = context.WithCancel(context.Background())
	return l
}

// start runs f in a goroutine that group counts. It reports false, and does not run f, once the store is closed.
func (s *Store) start(group *sync.WaitGroup, what string, f func()) bool {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	if s.life.closed.Load() {
		return false
	}
	group.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				s.Recovered(what, v)
			}
		}()
		f()
	})
	return true
}

// Go runs the load of a decorator in a goroutine that [Store.Close] waits for. It reports false, and does not run
// it, once the store is closed.
func (s *Store) Go(load func()) bool { return s.start(&s.life.work, "load", load) }

// LoadContext returns a context for a load: it has the values of ctx, but is cancelled only by cancel, by the
// timeout if there is one (0 is none), or when the store is closed and the load does not end in time.
func (s *Store) LoadContext(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(s.life.loads, cancel)
	release := func() { stop(); cancel() }
	if timeout <= 0 {
		return ctx, release
	}
	ctx, expire := context.WithTimeout(ctx, timeout)
	return ctx, func() { expire(); release() }
}

// Close is [Store.Shutdown] with [DrainTime] for the loads and as long again for the evictions.
func (s *Store) Close() error {
	loads, cancelLoads := context.WithTimeout(context.Background(), s.cfg.drain)
	defer cancelLoads()
	return s.shutdown(loads, func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), s.cfg.drain)
	})
}

// Shutdown ends the store: running loads may finish until ctx ends and are cancelled then, evictions that are still
// queued are tried once more, and background work stops. The client given to [Open] stays open. Reads through decorators
// go to the loader from now on; everything else returns [ErrClosed]. If loads or evictions are left over the error is an
// [UndrainedError], which says how many. It is safe to call Shutdown more than once, or after Close; further calls return
// nil.
func (s *Store) Shutdown(ctx context.Context) error {
	return s.shutdown(ctx, func() (context.Context, context.CancelFunc) { return context.WithCancel(ctx) })
}

func (s *Store) shutdown(loads context.Context, forEvictions func() (context.Context, context.CancelFunc)) error {
	s.life.mu.Lock()
	again := s.life.closed.Swap(true)
	closers := s.life.closers
	s.life.mu.Unlock()
	if again {
		return nil
	}
	s.feed.end()
	left := !within(loads, s.life.work.Wait)
	s.life.cancel()
	if left {
		grace, cancel := context.WithTimeout(context.Background(), time.Second)
		left = !within(grace, s.life.work.Wait)
		cancel()
	}
	s.life.stop()
	s.life.watch.Wait()
	for _, f := range closers {
		f()
	}
	ctx, cancel := forEvictions()
	defer cancel()
	lost := s.evictions.flush(ctx)
	s.evictions.closeJournal()
	_ = s.rdb.Close()
	if left || lost > 0 {
		return &UndrainedError{Loads: left, Evictions: lost, Journaled: s.evictions.journal != nil}
	}
	return nil
}

// within reports whether wait returns before ctx ends.
func within(ctx context.Context, wait func()) bool {
	done := make(chan struct{})
	go func() { wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// OnClose has f called by [Store.Close], after the loads have ended.
func (s *Store) OnClose(f func()) {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	s.life.closers = append(s.life.closers, f)
}

// Recovered counts and logs a panic that was recovered so that other work can go on.
func (s *Store) Recovered(what string, value any) {
	s.life.panics.Add(1)
	s.cfg.log.Error("aside: recovered panic", "in", what, "panic", fmt.Sprint(value))
}

// Complain logs a mistake in the program that uses the store.
func (s *Store) Complain(message string, args ...any) { s.cfg.log.Error("aside: "+message, args...) }

// Log returns the logger that was given to [Open].
func (s *Store) Log() *slog.Logger { return s.cfg.log }
