// Package tracing tells a tracer when an operation begins and ends.
//
// Invariant: End is told once for each Start, and a panic of the tracer never reaches the operation. The package has no
// lock.
package tracing

import (
	"context"
	"time"
)

// The operations.
const (
	Load  = "load"  // a call of the loader
	Wait  = "wait"  // a wait for the load of another process
	Evict = "evict" // an eviction, or the end of a hold, which is one too
)

// The causes of loads.
const (
	CauseMiss    = "miss"    // nothing could answer the read
	CauseBypass  = "bypass"  // the cache must not be used: a writer is at work, or Redis does not answer
	CauseRefresh = "refresh" // Refresh was called
	CauseAhead   = "ahead"   // in the background, because the value is soon too old; nobody waits for it
	CauseCheck   = "check"   // to compare the cache with the source; nothing is stored
)

// Start is what is known when an operation begins; see store.TraceStart.
type Start struct {
	Operation, Namespace, Cache, Cause, Kind string
	Keys                                     int
}

// End is how an operation ended; see store.TraceEnd.
type End struct {
	Operation string
	Err       error
	Absent    bool
	Took      time.Duration
}

// Tracer tells somebody of operations. Its nil value tells nobody and costs nothing.
type Tracer struct {
	Namespace string
	Start     func(ctx context.Context, start Start) context.Context
	End       func(ctx context.Context, end End)
	Recovered func(what string, value any) // is told of panics of the two above
}

// Span is an operation that is being traced. Its zero value is one that is not.
type Span struct {
	tracer *Tracer
	ctx    context.Context //nolint:containedctx // of the operation, to be given back to the tracer
	what   string
	began  time.Time
}

// Begin begins an operation. It returns the context for the work.
func (t *Tracer) Begin(ctx context.Context, start Start) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	start.Namespace = t.Namespace
	s := Span{tracer: t, ctx: ctx, what: start.Operation, began: time.Now()}
	if traced := t.start(ctx, start); traced != nil {
		s.ctx = traced
	}
	return s.ctx, s
}

func (t *Tracer) start(ctx context.Context, start Start) context.Context {
	defer t.guard()
	return t.Start(ctx, start)
}

// guard keeps a tracer's mistake from failing what it only looks at.
func (t *Tracer) guard() {
	if value := recover(); value != nil {
		t.Recovered("tracer", value)
	}
}

// End ends the operation. Further calls do nothing.
func (s *Span) End(err error) { s.Finish(err, false) }

// Finish is End for an operation whose error may only say that the source has nothing.
func (s *Span) Finish(err error, absent bool) {
	t := s.tracer
	if t == nil {
		return
	}
	s.tracer = nil
	defer t.guard()
	t.End(s.ctx, End{Operation: s.what, Err: err, Absent: absent, Took: time.Since(s.began)})
}
