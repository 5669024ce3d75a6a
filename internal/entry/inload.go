package entry

import (
	"context"
	"sync/atomic"
)

// loading is what the context of a loader knows of its load.
type loading struct{ fromStale atomic.Bool }

type loadingKey struct{}

// InLoad reports whether the context is that of a loader. What it reads from other caches is going to be stored for the
// time to live of its own, and on all nodes. So its reads are strict: see [Ref.Strict].
func InLoad(ctx context.Context) bool {
	_, in := ctx.Value(loadingKey{}).(*loading)
	return in
}

// UsedStale says that the loader whose context this is, if it is one, got an answer that is past its time to live, or made
// from one that is.
func UsedStale(ctx context.Context) {
	if l, in := ctx.Value(loadingKey{}).(*loading); in {
		l.fromStale.Store(true)
	}
}

func inLoad(ctx context.Context) (context.Context, *loading) {
	l := &loading{}
	return context.WithValue(ctx, loadingKey{}, l), l
}
