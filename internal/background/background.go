// Package background owns the goroutines of something that can be closed: none starts after that, and closing waits for
// those that run.
package background

import (
	"context"
	"sync"
	"sync/atomic"
)

// Group is a set of goroutines. Use [New]; its methods may be called from any goroutine.
type Group struct {
	recovered func(what string, value any)
	ctx       context.Context
	cancel    context.CancelFunc

	mu      sync.Mutex  // orders Go against Stop
	stopped atomic.Bool // written under mu
	work    sync.WaitGroup
}

// New returns a group. The function is called with each panic of a goroutine, which ends that goroutine alone.
func New(recovered func(what string, value any)) *Group {
	g := &Group{recovered: recovered}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g
}

// Context is that of the goroutines.
func (g *Group) Context() context.Context { return g.ctx }

// Go runs f in a goroutine, with a context that [Group.Cancel] ends. It reports false, and does not run f, once the group is
// stopped.
func (g *Group) Go(what string, f func(ctx context.Context)) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped.Load() {
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

// Stop lets no goroutine start from now on. It reports false if somebody else has stopped the group before.
func (g *Group) Stop() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.stopped.Swap(true)
}

// Stopped reports whether the group is stopped.
func (g *Group) Stopped() bool { return g.stopped.Load() }

// Cancel ends the context of the goroutines.
func (g *Group) Cancel() { g.cancel() }

// Wait comes after Stop. It waits for the goroutines.
func (g *Group) Wait() { g.work.Wait() }

// Close stops the group, ends the context of its goroutines and waits for them. It may be called more than once, but not by
// one of them.
func (g *Group) Close() {
	g.Stop()
	g.Cancel()
	g.Wait()
}
