package cacheable

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/entry"
)

// result is the answer to one or several reads. It is not changed once it is shared, but for taken.
type result[V any] struct {
	value  V
	err    error
	source Source
	age    time.Duration

	payload  []byte        // the value encoded; nil if that failed
	absent   bool          // err says that the source has nothing
	negative bool          // absent, and that may be stored
	ttl      time.Duration // 0 if the value is not to be stored
	extra    time.Duration // how long it is kept after that
	cost     time.Duration // how long the load took
	tags     []string      // those of the value, in addition to those of its key
	derived  bool          // the loader got a stale answer from another cache, so the value is not to be stored
	lost     string        // which part came back from the codec different, of a load whose value is not stored
	taken    atomic.Bool   // a caller has got value itself, not a copy
}

func (r *result[V]) origin() origin { return origin{source: r.source, age: r.age} }

// usedIn tells the load whose context this is, if it is one, that it got a stale answer.
func (r *result[V]) usedIn(ctx context.Context) {
	if r.source == SourceStale || r.derived {
		entry.UsedStale(ctx)
	}
}

// answered reports whether the source answered. Nothing older may then stay in the cache, even if the answer itself is
// not stored.
func (r *result[V]) answered() bool { return r.err == nil || r.absent }

// failed reports whether the source did not answer. A panic is not a failure of the source.
func (r *result[V]) failed() bool {
	return r.err != nil && !r.absent && r.source != SourceNegative && r.panicked() == nil
}

// panicked returns the panic of the load, or nil. A PanicError that the loader returned or wrapped is not its own
// panic.
func (r *result[V]) panicked() *PanicError {
	p, _ := r.err.(*PanicError) //nolint:errorlint // only the load's own panic, not one that is wrapped
	return p
}

// storable reports whether there is anything to store.
func (r *result[V]) storable() bool {
	return !r.derived && (r.negative || r.err == nil && r.ttl > 0 && r.payload != nil)
}
