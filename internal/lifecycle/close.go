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

// Left is what had not ended when a store was drained.
type Left struct {
	Loads  bool // loads did not end although their contexts were cancelled
	Writes int  // decorated writes are still under way
}

// Drain comes after Close. It waits for the loads and the writes until ctx ends, and then cancels the contexts of the loads.
// After that it ends the background work, waits for it, and calls what was given to OnClose.
func (l *Lifecycle) Drain(ctx context.Context) (left Left) {
	ended := within(ctx, l.loads.Wait)
	l.writesEnd(ctx)
	l.loads.Cancel()
	if !ended {
		last, cancel := context.WithTimeout(context.Background(), grace)
		ended = within(last, l.loads.Wait)
		cancel()
	}
	left = Left{Loads: !ended, Writes: l.Writes()}
	l.over.Store(true)
	l.work.Close()
	l.mu.Lock()
	closers := l.closers
	l.mu.Unlock()
	for _, f := range closers {
		f()
	}
	return left
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
