package store

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/tracing"
)

// Tracer is called when an operation begins and ends. Operations take more than one round trip to Redis, or change the
// cache: loads, waits for the load of another process, and evictions. Reads that the cache answers are not traced.
//
// Start gets a context with the values of the caller's, and returns a context derived from it. The loader, and the commands
// of an eviction, run with the returned context. End gets it too. There is one End for each Start, maybe in another
// goroutine. If several callers share a load, the context is that of the first. A panic in a tracer is recovered, counted
// and logged. Later versions may add fields to [TraceStart] and [TraceEnd].
type Tracer interface {
	Start(ctx context.Context, start TraceStart) context.Context
	End(ctx context.Context, end TraceEnd)
}

// Trace sets the tracer of the store and its caches. The default is none, which costs nothing.
func Trace(t Tracer) Option {
	if t == nil {
		panic("store: Trace(nil): leave the option out")
	}
	return func(c *config) { c.tracer = t }
}

// Operation is a kind of traced work.
type Operation string

// The operations.
const (
	OperationLoad  Operation = tracing.Load  // a call of the loader
	OperationWait  Operation = tracing.Wait  // a wait for the load of another process
	OperationEvict Operation = tracing.Evict // an eviction, or the end of a hold, which evicts
)

// Cause is why a load began.
type Cause string

// The causes of loads.
const (
	CauseMiss    Cause = tracing.CauseMiss    // the cache had no usable entry
	CauseBypass  Cause = tracing.CauseBypass  // the cache must not be used: a writer holds the key, or Redis does not answer
	CauseRefresh Cause = tracing.CauseRefresh // Refresh was called
	CauseAhead   Cause = tracing.CauseAhead   // in the background, shortly before the value expires; nobody waits for it
	CauseCheck   Cause = tracing.CauseCheck   // to compare the cache with the source; nothing is stored
)

// TraceStart describes an operation that begins.
type TraceStart struct {
	Operation Operation
	Namespace string
	Cache     string // of loads and waits
	Cause     Cause  // of loads
	Kind      string // of evictions: key, tag, all, everything, pattern, expire, or mixed
	Keys      int    // number loaded, waited for, or evicted; 0 if not known yet
}

// TraceEnd describes how an operation ended.
type TraceEnd struct {
	Operation Operation
	Err       error // of the loader, a timeout, or why an eviction was queued
	Absent    bool  // the loader's error means that the source has no value
	Took      time.Duration
}

// tracing returns the tracer for the engine, or nil.
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
