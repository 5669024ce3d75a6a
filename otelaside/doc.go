// Package otelaside traces loads, waits and evictions with OpenTelemetry:
//
//	st, err := store.Open(ctx, rdb, store.Namespace("shop"), store.Trace(otelaside.New(otel.GetTracerProvider())))
//
// There is a span for each load ("aside load"), for each wait for the load of another process ("aside wait"), and for
// each eviction ("aside evict"). Reads that the cache answers have none.
//
// The span of a load is a child of the caller's span and the parent of the loader's spans. If several callers share a
// load, its span belongs to the trace of the first. A load in the background has a trace of its own, because the read
// that started it may have ended. It is linked to the trace of that read.
//
// It is a module of its own, so that the core does not depend on OpenTelemetry.
package otelaside
