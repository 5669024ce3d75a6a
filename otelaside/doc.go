// Package otelaside traces what aside does with OpenTelemetry:
//
//	st, err := store.Open(ctx, rdb, store.Trace(otelaside.New(otel.GetTracerProvider())))
//
// There is a span for each load ("aside load"), for each wait for the load of another process ("aside wait"), and for
// each eviction ("aside evict"). Reads that the cache answers have none. A load's span is a child of the caller's, and
// what the loader does is below it; where several callers share a load, it is in the trace of the first. A load in the
// background has a trace of its own that is linked to the one of the read that set it off, for that has ended by then.
//
// It is a module of its own, so that the core does not depend on OpenTelemetry.
package otelaside
