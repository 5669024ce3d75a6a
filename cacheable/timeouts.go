package cacheable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/store"
)

// SoftTimeout bounds how long a read waits for the loader when [FailSafe] has a value to answer with. The load goes on,
// and its result is stored.
func SoftTimeout(d time.Duration) Option {
	if d <= 0 {
		panic(fmt.Sprintf("cacheable: SoftTimeout(%v): use a positive duration", d))
	}
	return func(s *settings) { s.softTimeout = d }
}

// HardTimeout bounds how long a load may take. Then its context ends, and its callers get an error that wraps
// [ErrTimeout], even if the loader is still running. The default, 0, is no bound: nobody but the user knows how long a load may
// take, and the context of each caller bounds its own wait. A load that all its callers have left gives up its lease after
// store.LeaseTime or somewhat more; then others may load, and its own result is refused. A loader that hangs for ever still keeps its
// goroutine, the first caller's context, and its slot of [MaxConcurrentLoads].
func HardTimeout(d time.Duration) Option {
	if d < 0 {
		panic(fmt.Sprintf("cacheable: HardTimeout(%v): use a positive duration, or 0 for no bound", d))
	}
	return func(s *settings) { s.hardTimeout = d }
}

// timeouts bound how long callers wait for a load, and how long it runs. They are immutable.
type timeouts struct {
	cache *entry.Cache
	soft  time.Duration // 0 is no bound
	hard  time.Duration // 0 is no bound
}

// waiting returns the context in which a caller waits for a load. Only a caller that can fall back on a stale value, for
// usable, stops at the soft timeout.
func (t *timeouts) waiting(ctx context.Context, usable time.Duration) (context.Context, context.CancelFunc) {
	if usable <= 0 || t.soft == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, min(t.soft, usable))
}

// loading returns the context in which the loader runs. It has the values of ctx, but ends with the store or at the
// hard timeout.
func (t *timeouts) loading(ctx context.Context) (context.Context, context.CancelFunc) {
	return t.cache.Lifecycle().LoadContext(ctx, t.hard)
}

// until returns timeouts whose loads also end at the deadline of ctx.
func (t *timeouts) until(ctx context.Context) *timeouts {
	deadline, ok := ctx.Deadline()
	if !ok {
		return t
	}
	left := max(time.Until(deadline), 1)
	if t.hard > 0 {
		left = min(left, t.hard)
	}
	return &timeouts{cache: t.cache, soft: t.soft, hard: left}
}

// exceeded returns the error of a load that outlived the context of loading.
func (t *timeouts) exceeded(ctx context.Context) error {
	reason := ErrTimeout
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		reason = store.ErrClosed
	}
	return fmt.Errorf("%w: %s: %w", reason, t.cache.Name(), ctx.Err())
}
