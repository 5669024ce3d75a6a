package evict

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/eviction"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/store"
)

// ErrUnheld is wrapped by the error of a write that [RefuseUnheld] did not let happen.
var ErrUnheld = errors.New("evict: the entries could not be held, so the write was not called")

// Around decorates a write so that the targets are held while it runs and evicted when it has returned. While entries
// are held, reads of them go to the source and are not cached. If the process dies during the write, the hold expires
// (see store.HoldTime) and leaves the entries evicted: then, too, nothing stays stale.
//
// Besides this it does what [After] does. A target's function is called before the write and after it; what it returns
// only the second time was not held during the write. Several writers may hold the same entry; it is free when
// the last one has finished. If a hold can't be placed the write goes on, see [RefuseUnheld].
func Around[A, R any](write func(context.Context, A) (R, error), targets ...Target[A]) func(context.Context, A) (R, error) {
	mustWrite("Around", write == nil)
	return around("Around", write, targets)
}

func around[A, R any](decorator string, write func(context.Context, A) (R, error), targets []Target[A]) func(context.Context, A) (R, error) {
	p := newPlan[A, R](decorator, true, targets)
	return func(ctx context.Context, a A) (result R, err error) {
		hold, held, begun, holdErr := p.hold(ctx, a)
		if holdErr != nil && p.refuse {
			return result, fmt.Errorf("%w: %w", ErrUnheld, holdErr)
		}
		returned, stop := false, p.keep(ctx, hold)
		defer func() {
			stop()
			p.end(ctx, hold, held, begun, returned && err == nil, a, result)
		}()
		result, err = write(ctx, a)
		returned = true
		return result, err
	}
}

// AroundErr is [Around] for a write that returns only an error.
func AroundErr[A any](write func(context.Context, A) error, targets ...Target[A]) func(context.Context, A) error {
	mustWrite("AroundErr", write == nil)
	return withoutResult(around("AroundErr", withResult(write), targets))
}

// hold places the hold of a write. If the write is to be refused without it, it ends what was placed.
func (p *plan[A, R]) hold(ctx context.Context, a A) (hold *eviction.Hold, held []store.Key, begun []replacing[A, R], err error) {
	held, begun = p.begin(ctx, a) // what is begun goes on with this context
	ctx, done := redisx.Linger(ctx)
	defer done()
	if hold, err = p.st.Engine().Evictor.Hold(ctx, held...); err != nil && p.refuse {
		_ = hold.End(ctx, 0) // some may be held
	}
	return hold, held, begun, err
}

// keep renews a hold until the function that it returns is called, which waits for a renewal on its way, but not when
// the context has ended. A write may outlast its context.
func (p *plan[A, R]) keep(ctx context.Context, hold *eviction.Hold) (stop func()) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		defer func() {
			if value := recover(); value != nil {
				p.st.Engine().Life.Recovered("evict: keeping a hold", value)
			}
		}()
		hold.Renew(own, done)
	}()
	return func() {
		close(done)
		patient := context.AfterFunc(ctx, func() { time.AfterFunc(redisx.Lingering, cancel) })
		<-stopped
		patient()
		cancel()
	}
}

// end evicts what was held, or puts the replacements in its place, and evicts what only now is known to be concerned.
func (p *plan[A, R]) end(ctx context.Context, hold *eviction.Hold, held []store.Key, begun []replacing[A, R], succeeded bool, a A, result R) {
	ctx, done := redisx.Linger(ctx)
	defer done()
	stored, more := p.finish(begun, succeeded, a, result)
	more = append(more, p.keys(a)...)
	more = distinct(append(slices.Clone(held), more...))[len(held):]
	switch { // what fails is queued and logged
	case len(more) == 0:
	case p.stay > 0:
		late, _ := p.st.Engine().Evictor.Hold(ctx, more...)
		_ = late.End(ctx, p.stay)
	default:
		_ = p.st.Evict(ctx, more...)
	}
	_ = hold.End(ctx, p.stay, stored...)
}
