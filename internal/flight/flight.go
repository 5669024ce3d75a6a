package flight

import (
	"context"
	"errors"
	"sync"
)

var (
	// ErrClosed is returned to callers when the group can't start work any more.
	ErrClosed = errors.New("flight: closed")

	// ErrBroken is returned to callers when the work ended without an outcome: it panicked, or ended its goroutine.
	ErrBroken = errors.New("flight: the work ended without an outcome")
)

// Mark is the number of callers of a round, in the order in which they came, that an outcome is fresh for.
type Mark int

// Outcome is the result of one round of work, and says for which callers it is fresh.
type Outcome[V any] struct {
	Value V
	Err   error
	Mark  Mark
}

// Group shares work by key. Start runs a function in a goroutine of its own and reports whether it did.
type Group[K comparable, V any] struct {
	Start func(func()) bool

	mu    sync.Mutex
	calls map[K]*call[V] // guarded by mu
}

// call is the work on one key. It is in the map exactly as long as a goroutine serves it.
type call[V any] struct {
	waiters []*waiter[V] // of the current round, in the order in which they came; guarded by Group.mu
}

type waiter[V any] struct {
	run  func(*Round) Outcome[V]
	done chan Outcome[V] // buffered, so that answering a waiter that has left does not block
	left bool            // guarded by Group.mu
}

// Round is one run of the work on a key.
type Round struct {
	cover     func() Mark
	abandoned func() bool
}

// Cover returns the mark of all callers so far. A result is fresh for them if it is read after this call.
func (r *Round) Cover() Mark { return r.cover() }

// Abandoned reports whether every caller has left.
func (r *Round) Abandoned() bool { return r.abandoned() }

// Do runs the work for key, or joins it if it is running. It returns when an outcome covers this caller or when ctx
// ends, whichever is first; in the latter case the work goes on. It calls run in another goroutine, for this caller and
// for those that came while earlier work ran.
func (g *Group[K, V]) Do(ctx context.Context, key K, run func(*Round) Outcome[V]) (V, error) {
	w := &waiter[V]{run: run, done: make(chan Outcome[V], 1)}
	if c := g.join(key, w); c != nil && !g.Start(func() { g.serve(key, c) }) {
		g.fail(key, c, ErrClosed)
	}
	return g.await(ctx, w)
}

// await waits for an outcome that covers w, or for the end of ctx.
func (g *Group[K, V]) await(ctx context.Context, w *waiter[V]) (V, error) {
	select {
	case out := <-w.done:
		return out.Value, out.Err
	case <-ctx.Done():
		g.mu.Lock()
		w.left = true
		g.mu.Unlock()
		var zero V
		return zero, ctx.Err()
	}
}

// join adds w to the call of key. It returns the call if it is new, so that the caller must have it served.
func (g *Group[K, V]) join(key K, w *waiter[V]) *call[V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c, ok := g.calls[key]; ok {
		c.waiters = append(c.waiters, w)
		return nil
	}
	if g.calls == nil {
		g.calls = make(map[K]*call[V])
	}
	c := &call[V]{waiters: []*waiter[V]{w}}
	g.calls[key] = c
	return c
}

// serve runs rounds until no caller waits. If run panics or ends its goroutine the callers get ErrBroken, and the panic
// goes on to Start.
func (g *Group[K, V]) serve(key K, c *call[V]) {
	defer g.fail(key, c, ErrBroken) // without effect once the call is over
	round := g.round(c)
	for more := true; more; {
		g.mu.Lock()
		run := c.waiters[0].run
		g.mu.Unlock()
		more = g.deliver(key, c, run(round))
	}
}

func (g *Group[K, V]) round(c *call[V]) *Round {
	return &Round{
		cover: func() Mark {
			g.mu.Lock()
			defer g.mu.Unlock()
			return Mark(len(c.waiters))
		},
		abandoned: func() bool {
			g.mu.Lock()
			defer g.mu.Unlock()
			return !anyWaits(c.waiters)
		},
	}
}

// deliver answers the waiters that out covers, and keeps the others that have not left for another round. It reports
// whether there are any; if not, the call is over.
func (g *Group[K, V]) deliver(key K, c *call[V], out Outcome[V]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	late := c.waiters[out.Mark:]
	for _, w := range c.waiters[:out.Mark] {
		w.done <- out
	}
	c.waiters = nil
	for _, w := range late {
		if !w.left {
			c.waiters = append(c.waiters, w)
		}
	}
	if len(c.waiters) == 0 {
		delete(g.calls, key)
	}
	return len(c.waiters) > 0
}

// fail ends a call that has no outcome. A call that is over is left alone; its key may have a new one by now.
func (g *Group[K, V]) fail(key K, c *call[V], err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.calls[key] == c {
		delete(g.calls, key)
	}
	for _, w := range c.waiters {
		w.done <- Outcome[V]{Err: err}
	}
}

func anyWaits[V any](waiters []*waiter[V]) bool {
	for _, w := range waiters {
		if !w.left {
			return true
		}
	}
	return false
}
