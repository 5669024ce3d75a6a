// Package background owns the goroutines of something that can be closed: none starts after that, and closing waits for
// those that run.
package background

import (
	"context"
	"sync"
)

// Group is a set of goroutines. Use [New]; its methods may be called from any goroutine.
type Group struct {
	recovered func(what string, value any)
	ctx       context.Context
	cancel    context.CancelFunc

	mu     sync.Mutex // orders Go against Close
	closed bool
	work   sync.WaitGroup
}

// New returns a group. The function is called with each panic of a goroutine, which ends that goroutine alone.
func New(recovered func(what string, value any)) *Group {
	g := &Group{recovered: recovered}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g
}

// Go runs f in a goroutine, with a context that [Group.Close] ends. It reports false, and does not run f, once the group is
// closed.
func (g *Group) Go(what string, f func(ctx context.Context)) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.work.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				g.recovered(what, v)
			}
		}()
		f(g.ctx)
	})
	return true
}

// Close ends the context of the goroutines and waits for them. It may be called more than once, but not by one of them.
func (g *Group) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.cancel()
	g.work.Wait()
}
