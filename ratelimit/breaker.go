package ratelimit

import (
	"sync"
	"sync/atomic"
	"time"
)

// breaker spares requests the wait for a Redis that does not answer. After some failures in a row it is open for a
// while; then one request at a time tries, and a success closes it.
type breaker struct {
	failures int           // how many in a row open it
	pause    time.Duration // how long it is open before a try
	changed  func(open bool)

	calm atomic.Bool // closed, and no failure since the last success: nothing to do, which is the common case

	mu    sync.Mutex
	count int       // failures since the last success
	until time.Time // when it may be tried next; zero while closed
}

// ready reports whether a request may go to Redis. One that may has to call done.
func (b *breaker) ready() bool {
	if b.calm.Load() {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return true
	}
	now := time.Now()
	if now.Before(b.until) {
		return false
	}
	b.until = now.Add(b.pause) // the next try, in case this one never comes back
	return true
}

// done takes the outcome. Those of requests that were sent before it opened count as well: a success closes it.
func (b *breaker) done(ok bool) {
	if ok && b.calm.Load() {
		return
	}
	b.mu.Lock()
	was := !b.until.IsZero()
	if ok {
		b.count, b.until = 0, time.Time{}
	} else if b.count++; b.count >= b.failures {
		b.until = time.Now().Add(b.pause)
	}
	open := !b.until.IsZero()
	b.calm.Store(ok)
	b.mu.Unlock()
	if open != was && b.changed != nil {
		b.changed(open)
	}
}

func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.until.IsZero()
}
