package consistency

import (
	"context"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/pause"
)

// limiter spaces work evenly. It is safe for concurrent use.
type limiter struct {
	interval time.Duration // between two pieces of work

	mu   sync.Mutex
	next time.Time // when the next piece may start; guarded by mu
}

func newLimiter(perSecond float64) *limiter {
	return &limiter{interval: time.Duration(float64(time.Second) / perSecond)}
}

// wait reserves room for n pieces of work and waits until they may start. It reports false if ctx ended first.
func (l *limiter) wait(ctx context.Context, n int) bool {
	l.mu.Lock()
	now := time.Now()
	start := now
	if l.next.After(now) {
		start = l.next
	}
	l.next = start.Add(time.Duration(n) * l.interval)
	l.mu.Unlock()
	return pause.For(ctx, start.Sub(now))
}

// charge reserves room for n pieces of work that are done at once; later ones wait for it.
func (l *limiter) charge(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.next.Before(now) {
		l.next = now
	}
	l.next = l.next.Add(time.Duration(n) * l.interval)
}
