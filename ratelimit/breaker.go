package ratelimit

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/redisx"
)

var errOpen = errors.New("the circuit breaker is open")

// breakers are one for each master.
type breakers struct {
	failures int
	pause    time.Duration
	changed  func(open bool)

	mu     sync.Mutex
	byAddr map[string]*breaker
	opened int // how many are open
}

// of returns the breaker of a node, which may have come back with another client.
func (b *breakers) of(node *redisx.Node) redisx.Breaker {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byAddr == nil {
		b.byAddr = make(map[string]*breaker)
	}
	if b.byAddr[node.Addr()] == nil {
		b.byAddr[node.Addr()] = &breaker{failures: b.failures, pause: b.pause, changed: b.count}
	}
	return b.byAddr[node.Addr()]
}

// count tells the user when the first of the breakers has opened, and when all are closed again.
func (b *breakers) count(open bool) {
	b.mu.Lock()
	was := b.opened > 0
	if open {
		b.opened++
	} else {
		b.opened--
	}
	is := b.opened > 0
	b.mu.Unlock()
	if is != was && b.changed != nil {
		b.changed(is)
	}
}

func (b *breakers) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened > 0
}

// breaker spares requests the wait for a master that does not answer. After some failures in a row it is open for a
// while; then one request at a time tries, and a success closes it. It implements [redisx.Breaker].
type breaker struct {
	failures int           // how many in a row open it
	pause    time.Duration // how long it is open before a try
	changed  func(open bool)

	calm atomic.Bool // closed, and no failure since the last success: nothing to do, which is the common case

	mu    sync.Mutex
	count int       // failures since the last success
	until time.Time // when it may be tried next; zero while closed
	cause error     // why it opened
}

// Allow implements [redisx.Breaker].
func (b *breaker) Allow() error {
	if b.calm.Load() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return nil
	}
	now := time.Now()
	if now.Before(b.until) {
		return fmt.Errorf("%w, since: %w", errOpen, b.cause)
	}
	b.until = now.Add(b.pause) // the next try, in case this one never comes back
	return nil
}

// Record implements [redisx.Breaker]. The outcomes of requests that were sent before it opened count as well: a success
// closes it.
func (b *breaker) Record(err error) {
	ok := err == nil || !away(err)
	if ok && b.calm.Load() {
		return
	}
	b.mu.Lock()
	was := !b.until.IsZero()
	if ok {
		b.count, b.until = 0, time.Time{}
	} else if b.count++; b.count >= b.failures {
		if !was {
			b.cause = err
		}
		b.until = time.Now().Add(b.pause)
	}
	open := !b.until.IsZero()
	b.calm.Store(ok)
	b.mu.Unlock()
	if open != was {
		b.changed(open)
	}
}

var _ redisx.Breaker = (*breaker)(nil)
