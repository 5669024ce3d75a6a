package lifecycle

import (
	"context"
	"time"
)

// grace is how long a load may take to react to the end of its context.
const grace = time.Second

// Close begins to close: nothing starts from now on. It reports false if somebody else has begun.
func (l *Lifecycle) Close() bool {
	l.loads.Stop()
	return l.work.Stop()
}

// Drain comes after Close. It waits for the loads until ctx ends and then cancels their contexts. After that it ends the
// background work, waits for it, and calls what was given to OnClose. It reports whether all loads have ended.
func (l *Lifecycle) Drain(ctx context.Context) (ended bool) {
	ended = within(ctx, l.loads.Wait)
	l.loads.Cancel()
	if !ended {
		last, cancel := context.WithTimeout(context.Background(), grace)
		ended = within(last, l.loads.Wait)
		cancel()
	}
	l.work.Close()
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
