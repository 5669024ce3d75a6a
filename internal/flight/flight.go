package flight

import (
	"container/list"
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

// Mark is how many callers of a key have come so far. An outcome is fresh for them.
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

// call is the work on one key. It is in the map as long as a goroutine serves it and somebody may join it.
type call[V any] struct {
	came    int        // how many callers have come; guarded by Group.mu, like the rest
	waiters *list.List // of *waiter[V]: those who have not left, in the order in which they came
}

type waiter[V any] struct {
	number int // the first is 1
	place  *list.Element
	call   *call[V]
	run    func(*Round) Outcome[V]
	done   chan Outcome[V] // buffered, so that answering a waiter that has left does not block
}

// Round is one run of the work on a key.
type Round struct {
	cover     func() Mark
	abandoned func() bool
	leave     func() bool
}

// Cover returns the mark of all callers so far. A result is fresh for them if it is read after this call.
func (r *Round) Cover() Mark { return r.cover() }

// Abandoned reports whether every caller has left.
func (r *Round) Abandoned() bool { return r.abandoned() }

// Leave lets later callers begin work of their own, and not wait for this round. It reports false, and does nothing, if
// callers wait for it.
func (r *Round) Leave() bool { return r.leave() }

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
		w.call.waiters.Remove(w.place) // whoever has left costs nothing any more
		g.mu.Unlock()
		var zero V
		return zero, ctx.Err()
	}
}

// join adds w to the call of key. It returns the call if it is new, so that the caller must have it served.
func (g *Group[K, V]) join(key K, w *waiter[V]) *call[V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	c, ok := g.calls[key]
	if !ok {
		if g.calls == nil {
			g.calls = make(map[K]*call[V])
		}
		c = &call[V]{waiters: list.New()}
		g.calls[key] = c
	}
	c.came++
	w.number, w.call, w.place = c.came, c, c.waiters.PushBack(w)
	if ok {
		return nil
	}
	return c
}

// serve runs rounds until no caller waits. If run panics or ends its goroutine the callers get ErrBroken, and the panic
// goes on to Start.
func (g *Group[K, V]) serve(key K, c *call[V]) {
	defer g.fail(key, c, ErrBroken) // without effect once the call is over
	round := g.round(key, c)
	for {
		run := g.next(key, c)
		if run == nil || !g.deliver(key, c, run(round)) {
			return
		}
	}
}

// next returns the work of the first caller who waits. If there is none the call is over.
func (g *Group[K, V]) next(key K, c *call[V]) func(*Round) Outcome[V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if first := c.waiters.Front(); first != nil {
		return first.Value.(*waiter[V]).run
	}
	g.forget(key, c)
	return nil
}

func (g *Group[K, V]) round(key K, c *call[V]) *Round {
	return &Round{
		cover: func() Mark {
			g.mu.Lock()
			defer g.mu.Unlock()
			return Mark(c.came)
		},
		abandoned: func() bool {
			g.mu.Lock()
			defer g.mu.Unlock()
			return c.waiters.Len() == 0
		},
		leave: func() bool {
			g.mu.Lock()
			defer g.mu.Unlock()
			if c.waiters.Len() > 0 {
				return false
			}
			g.forget(key, c)
			return true
		},
	}
}

// forget ends a call: nobody joins it any more. Its key may have a new one by now. mu is held.
func (g *Group[K, V]) forget(key K, c *call[V]) {
	if g.calls[key] == c {
		delete(g.calls, key)
	}
}

// deliver answers the waiters that out covers, and keeps the others for another round. It reports whether there are any;
// if not, the call is over.
func (g *Group[K, V]) deliver(key K, c *call[V], out Outcome[V]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for first := c.waiters.Front(); first != nil; first = c.waiters.Front() {
		w := first.Value.(*waiter[V])
		if w.number > int(out.Mark) {
			return true
		}
		w.done <- out
		c.waiters.Remove(first)
	}
	g.forget(key, c)
	return false
}

// fail ends a call that has no outcome. A call that is over is left alone.
func (g *Group[K, V]) fail(key K, c *call[V], err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(key, c)
	for first := c.waiters.Front(); first != nil; first = c.waiters.Front() {
		first.Value.(*waiter[V]).done <- Outcome[V]{Err: err}
		c.waiters.Remove(first)
	}
}
