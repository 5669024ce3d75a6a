package store

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/tracing"
)

// Tracer is told when work begins and ends that takes more than a round trip to Redis, or that changes the cache:
// loads, waits for the load of another process, and evictions. Reads that the cache answers are not traced.
//
// Start is given a context with the values of the caller's, and returns the context for the work, derived from it: the
// loader, and the commands to Redis of an eviction, get that one. It is given to End, too, which is called once for each
// Start, perhaps in another goroutine. Where several callers share a load, the context is that of the first. A panic in
// a tracer is recovered, counted and logged. Fields may be added to [TraceStart] and [TraceEnd].
type Tracer interface {
	Start(ctx context.Context, start TraceStart) context.Context
	End(ctx context.Context, end TraceEnd)
}

// Trace has the tracer told of what the store and its caches do. The default is none, which costs nothing.
func Trace(t Tracer) Option {
	if t == nil {
		panic("store: Trace(nil): leave the option out")
	}
	return func(c *config) { c.tracer = t }
}

// Operation is what is traced.
type Operation string

// The operations.
const (
	OperationLoad  Operation = tracing.Load  // a call of the loader
	OperationWait  Operation = tracing.Wait  // a wait for the load of another process
	OperationEvict Operation = tracing.Evict // an eviction, or the end of a hold, which is one too
)

// Cause is why a load was begun.
type Cause string

// The causes of loads.
const (
	CauseMiss    Cause = tracing.CauseMiss    // there was nothing to answer with
	CauseBypass  Cause = tracing.CauseBypass  // the cache was not to be used: a writer is at work, or Redis does not answer
	CauseRefresh Cause = tracing.CauseRefresh // Refresh was called
	CauseAhead   Cause = tracing.CauseAhead   // in the background, because the value is soon too old; nobody waits for it
	CauseCheck   Cause = tracing.CauseCheck   // to compare the cache with the source; nothing is stored
)

// TraceStart is what is known when an operation begins.
type TraceStart struct {
	Operation Operation
	Namespace string
	Cache     string // of loads and waits
	Cause     Cause  // of loads
	Kind      string // of evictions: key, tag, all, everything, pattern, expire, or mixed
	Keys      int    // how many are loaded, waited for, or evicted; 0 if that is not known yet
}

// TraceEnd is how an operation ended.
type TraceEnd struct {
	Operation Operation
	Err       error // of the loader, a timeout, or why an eviction was queued
	Absent    bool  // the loader's error only says that the source has nothing
	Took      time.Duration
}

// tracing returns the tracer for the rooms, or nil.
func (c *config) tracing(recovered func(what string, value any)) *tracing.Tracer {
	if c.tracer == nil {
		return nil
	}
	return &tracing.Tracer{
		Namespace: c.conn.Namespace,
		Recovered: recovered,
		Start: func(ctx context.Context, s tracing.Start) context.Context {
			return c.tracer.Start(ctx, TraceStart{
				Operation: Operation(s.Operation), Namespace: s.Namespace, Cache: s.Cache, Cause: Cause(s.Cause), Kind: s.Kind, Keys: s.Keys,
			})
		},
		End: func(ctx context.Context, e tracing.End) {
			c.tracer.End(ctx, TraceEnd{Operation: Operation(e.Operation), Err: e.Err, Absent: e.Absent, Took: e.Took})
		},
	}
}
