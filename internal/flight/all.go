package flight

import (
	"context"
	"sync"
)

// Batch is work on several keys. It calls done once for each key, by its index and as soon as possible, from any
// goroutine. It returns after the last of these calls.
type Batch[K comparable, V any] func(keys []K, rounds []*Round, done func(i int, out Outcome[V]))

// Result is the result of [Group.DoAll] for one key.
type Result[V any] struct {
	Value V
	Err   error
}

// DoAll is [Group.Do] for several distinct keys. It runs the work together for the keys on which none is running, and
// joins it for the others.
func (g *Group[K, V]) DoAll(ctx context.Context, keys []K, run Batch[K, V]) []Result[V] {
	waiters := make([]*waiter[V], len(keys))
	var fresh []K
	var calls []*call[V]
	for i, key := range keys {
		waiters[i] = &waiter[V]{run: run.one(key), done: make(chan Outcome[V], 1)}
		if c := g.join(key, waiters[i]); c != nil {
			fresh, calls = append(fresh, key), append(calls, c)
		}
	}
	if len(fresh) > 0 && !g.Start(func() { g.serveAll(fresh, calls, run) }) {
		for i, key := range fresh {
			g.fail(key, calls[i], ErrClosed)
		}
	}
	results := make([]Result[V], len(keys))
	for i, w := range waiters {
		results[i].Value, results[i].Err = g.await(ctx, w)
	}
	return results
}

// one is the work on a single key of the batch, for a round that other work left over.
func (b Batch[K, V]) one(key K) func(*Round) Outcome[V] {
	return func(r *Round) (out Outcome[V]) {
		b([]K{key}, []*Round{r}, func(_ int, o Outcome[V]) { out = o })
		return out
	}
}

// serveAll runs rounds with all keys for which callers wait. A panic of run is treated as in serve.
func (g *Group[K, V]) serveAll(keys []K, calls []*call[V], run Batch[K, V]) {
	defer func() { // no keys are left, unless run has panicked
		for i, key := range keys {
			g.fail(key, calls[i], ErrBroken)
		}
	}()
	for len(keys) > 0 {
		rounds := make([]*Round, len(calls))
		for i, c := range calls {
			rounds[i] = g.round(keys[i], c)
		}
		var mu sync.Mutex
		var moreKeys []K
		var moreCalls []*call[V]
		run(keys, rounds, func(i int, out Outcome[V]) {
			if g.deliver(keys[i], calls[i], out) {
				mu.Lock()
				defer mu.Unlock()
				moreKeys, moreCalls = append(moreKeys, keys[i]), append(moreCalls, calls[i])
			}
		})
		keys, calls = moreKeys, moreCalls
	}
}
