package evict

import (
	"context"

	"github.com/jollyjet/aside/internal/redisx"
)

// After decorates a write so that the targets are evicted when it has returned. A read that begins after the decorated
// function has returned sees nothing that was read before the write.
//
// The targets are evicted whether or not the write succeeds, and also if it panics; what it returned is returned. They
// are found with the argument as it is after the write. The eviction takes at most the store's timeout, and 4 ms
// after the context has ended; if it is not confirmed by then it is queued, see store.ErrQueued.
//
// After panics if there are no targets or if they do not fit the write.
func After[A, R any](write func(context.Context, A) (R, error), targets ...Target[A]) func(context.Context, A) (R, error) {
	mustWrite("After", write == nil)
	return after("After", write, targets)
}

func after[A, R any](decorator string, write func(context.Context, A) (R, error), targets []Target[A]) func(context.Context, A) (R, error) {
	p := newPlan[A, R](decorator, false, targets)
	return func(ctx context.Context, a A) (R, error) {
		defer func() {
			ctx, done := redisx.Linger(ctx)
			defer done()
			_ = p.st.Evict(ctx, p.keys(a)...) // what fails is queued and logged
			_ = p.st.Engine().Evictor.Expire(ctx, p.keysOfAll(p.softs, a)...)
		}()
		return write(ctx, a)
	}
}

// AfterErr is [After] for a write that returns only an error.
func AfterErr[A any](write func(context.Context, A) error, targets ...Target[A]) func(context.Context, A) error {
	mustWrite("AfterErr", write == nil)
	return withoutResult(after("AfterErr", withResult(write), targets))
}

type none = struct{}

func withResult[A any](write func(context.Context, A) error) func(context.Context, A) (none, error) {
	return func(ctx context.Context, a A) (none, error) { return none{}, write(ctx, a) }
}

func withoutResult[A any](write func(context.Context, A) (none, error)) func(context.Context, A) error {
	return func(ctx context.Context, a A) error {
		_, err := write(ctx, a)
		return err
	}
}

func mustWrite(decorator string, missing bool) {
	if missing {
		panic("evict: " + decorator + ": the write must not be nil")
	}
}
