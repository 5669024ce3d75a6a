package entry

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/tracing"
)

// Load is a load that has begun.
type Load struct {
	cache *Cache
	began time.Time
	span  tracing.Span
	*loading
}

// StartLoad counts a load of so many keys that begins now, and returns the context for the loader, in which reads are
// strict. The cause is one of package tracing.
func (c *Cache) StartLoad(ctx context.Context, cause string, keys int) (context.Context, Load) {
	c.Count(CountLoad)
	ctx, span := c.cfg.Tracer.Begin(ctx, tracing.Start{Operation: tracing.Load, Cache: c.Name(), Cause: cause, Keys: keys})
	ctx, state := inLoad(ctx)
	return ctx, Load{cache: c, began: time.Now(), span: span, loading: state}
}

// FromStale reports whether the loader has got an answer from another cache that was past its time to live.
func (l *Load) FromStale() bool { return l.fromStale.Load() }

// End counts how long the load took; absent says that its error is only that the source has nothing.
func (l *Load) End(err error, absent bool) {
	l.cache.loads.Observe(time.Since(l.began))
	l.span.Finish(err, absent)
}

// TraceWait begins a wait for the load of another process.
func (c *Cache) TraceWait(ctx context.Context) (context.Context, tracing.Span) {
	return c.cfg.Tracer.Begin(ctx, tracing.Start{Operation: tracing.Wait, Cache: c.Name(), Keys: 1})
}
