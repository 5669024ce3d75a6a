package lifecycle

import (
	"context"
	"time"
)

// grace is how long a load may take to react to the end of its context.
const grace = time.Second

// Close begins to close: nothing starts from now on. It reports false if somebody else has begun.
func (l *Lifecycle) Close() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.closed.Swap(true)
}

// Drain comes after Close. It waits for the loads until ctx ends and then cancels their contexts. After that it ends the
// background work, waits for it, and calls what was given to OnClose. It reports whether all loads have ended.
func (l *Lifecycle) Drain(ctx context.Context) (ended bool) {
	ended = within(ctx, l.work.Wait)
	l.cancel()
	if !ended {
		last, cancel := context.WithTimeout(context.Background(), grace)
		ended = within(last, l.work.Wait)
		cancel()
	}
	l.stop()
	l.watch.Wait()
	l.mu.Lock()
	closers := l.closers
	l.mu.Unlock()
	for _, f := range closers {
		f()
	}
	return ended
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
