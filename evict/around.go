package evict

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/eviction"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/slicesx"
	"github.com/jollyjet/aside/store"
)

// ErrUnheld is wrapped by the error of a write that was not called because of [RefuseUnheld].
var ErrUnheld = errors.New("evict: the entries could not be held, so the write was not called")

// Around decorates a write so that the targets are held while it runs and evicted when it has returned. While entries
// are held, reads of them go to the source and are not cached. If the process dies during the write, the hold expires
// (see store.HoldTime) and leaves the entries evicted: nothing stays stale then, either.
//
// In all else it works like [After]. The function of a target is called before and after the write; keys that it
// returns only the second time were not held during the write. Several writers may hold the same entry; it is released
// when the last one has finished. If a hold can't be placed the write is called anyway, see [RefuseUnheld].
func Around[A, R any](write func(context.Context, A) (R, error), targets ...Target[A]) func(context.Context, A) (R, error) {
	mustWrite("Around", write == nil)
	return around("Around", write, targets)
}

func around[A, R any](decorator string, write func(context.Context, A) (R, error), targets []Target[A]) func(context.Context, A) (R, error) {
	set := newTargetSet[A, R](decorator, true, targets)
	return func(ctx context.Context, a A) (result R, err error) {
		defer set.st.Engine().Life.Write()()
		w, holdErr := placeHold(ctx, set, a)
		if holdErr != nil && set.refuse {
			return result, fmt.Errorf("%w: %w", ErrUnheld, holdErr)
		}
		returned, stop := false, w.renew(ctx)
		defer func() {
			stop()
			w.end(ctx, returned && err == nil, a, result)
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

// heldWrite is the hold of a write in progress.
type heldWrite[A, R any] struct {
	set          *targetSet[A, R]
	hold         *eviction.Hold
	keys         []store.Key // in the hold
	replacements []replacement[A, R]
}

// placeHold places the hold of a write. If the write is to be refused after an error, it ends what was placed.
func placeHold[A, R any](ctx context.Context, set *targetSet[A, R], a A) (w heldWrite[A, R], err error) {
	w.set = set
	w.keys, w.replacements = set.prepare(ctx, a) // before Linger, because the replacements keep this context
	ctx, done := redisx.Linger(ctx)
	defer done()
	if w.hold, err = set.st.Engine().Evictor.Hold(ctx, w.keys...); err != nil && set.refuse {
		_ = w.hold.End(ctx, 0) // some keys may be held
	}
	return w, err
}

// renew renews the hold in the background until stop is called, also after ctx has ended, since the write may outlast
// it. stop waits for a renewal in progress, but only for redisx.Lingering once ctx has ended.
func (w *heldWrite[A, R]) renew(ctx context.Context) (stop func()) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		defer func() {
			if value := recover(); value != nil {
				w.set.st.Engine().Life.Recovered("evict: renewing a hold", value)
			}
		}()
		w.hold.Renew(own, done)
	}()
	return func() {
		close(done)
		patient := context.AfterFunc(ctx, func() { time.AfterFunc(redisx.Lingering, cancel) })
		<-stopped
		patient()
		cancel()
	}
}

// end evicts the held entries, or stores their replacements. It also evicts entries whose keys were not known before
// the write.
func (w *heldWrite[A, R]) end(ctx context.Context, succeeded bool, a A, result R) {
	ctx, done := redisx.Linger(ctx)
	defer done()
	stored, more := w.set.replace(w.replacements, succeeded, a, result)
	more = append(more, w.set.keys(a)...)
	more = slicesx.Distinct(slices.Concat(w.keys, more))[len(w.keys):]
	if len(more) > 0 {
		w.hold.Extend(ctx, more...)
	}
	_ = w.hold.End(ctx, w.set.holdFor, stored...) // failures are queued and logged
}
