package evict

import (
	"context"

	"github.com/jollyjet/aside/internal/redisx"
)

// After decorates a write so that the targets are evicted when it has returned. A read that begins after the decorated
// function has returned sees nothing that was read before the write.
//
// The targets are evicted whether the write succeeds, fails or panics. Its result and error are returned unchanged.
// Targets are computed from the argument as it is after the write. The eviction takes at most the store's timeout, and
// at most 4 ms once the context has ended. If it is not confirmed by then it is queued, see store.ErrQueued. Where the targets
// belong to several caches or tags, all are evicted together, in any order: a cache whose loader reads another one of them
// keeps nothing that was made of an old value. That takes one round trip more on a Cluster. Entries of one cache whose
// loader reads that same cache are not told apart; use [Around] for them.
//
// store.Store.Close waits for the write. If the store is closed when the write returns, it is evicted over a new connection
// or left in the journal, and logged, see store.Store.Shutdown.
//
// After panics if there are no targets or if they do not fit the write.
func After[A, R any](write func(context.Context, A) (R, error), targets ...Target[A]) func(context.Context, A) (R, error) {
	mustWrite("After", write == nil)
	return after("After", write, targets)
}

func after[A, R any](decorator string, write func(context.Context, A) (R, error), targets []Target[A]) func(context.Context, A) (R, error) {
	set := newTargetSet[A, R](decorator, false, targets)
	return func(ctx context.Context, a A) (R, error) {
		engine := set.st.Engine()
		ended := engine.Life.Write()
		defer func() {
			defer ended()
			ctx, done := redisx.Linger(ctx)
			defer done()
			_ = engine.Evictor.AfterWrite(ctx, set.keys(a), set.expiringKeys(a)) // failures are queued and logged
		}()
		return write(ctx, a)
	}
}

// AfterErr is [After] for a write that returns only an error.
func AfterErr[A any](write func(context.Context, A) error, targets ...Target[A]) func(context.Context, A) error {
	mustWrite("AfterErr", write == nil)
	return withoutResult(after("AfterErr", withResult(write), targets))
}
