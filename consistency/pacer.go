package consistency

import (
	"context"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/pause"
)

// pacer spreads work evenly over time.
type pacer struct {
	each time.Duration

	mu   sync.Mutex
	next time.Time
}

func newPacer(perSecond float64) *pacer {
	return &pacer{each: time.Duration(float64(time.Second) / perSecond)}
}

// wait waits for the turn of n pieces of work. It reports false if ctx ended first.
func (p *pacer) wait(ctx context.Context, n int) bool {
	p.mu.Lock()
	now := time.Now()
	turn := now
	if p.next.After(now) {
		turn = p.next
	}
	p.next = turn.Add(time.Duration(n) * p.each)
	p.mu.Unlock()
	return pause.For(ctx, turn.Sub(now))
}
