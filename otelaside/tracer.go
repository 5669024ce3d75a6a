package otelaside

import (
	"context"

	"github.com/jollyjet/aside/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// The attributes of spans.
const (
	Namespace = attribute.Key("aside.namespace") // of the store
	Cache     = attribute.Key("aside.cache")     // the name of the cache; of loads and waits
	Source    = attribute.Key("aside.source")    // why a load was started: miss, bypass, refresh or ahead
	Kind      = attribute.Key("aside.kind")      // the targets of an eviction: key, tag, all, everything, pattern, expire or mixed
	Keys      = attribute.Key("aside.keys")      // the number of keys loaded or evicted, if known
	Absent    = attribute.Key("aside.absent")    // true if the source has no value
)

const scope = "github.com/jollyjet/aside/otelaside"

// New returns a tracer for store.Trace that creates spans with the provider. It panics if the provider is nil.
func New(provider trace.TracerProvider) store.Tracer {
	if provider == nil {
		panic("otelaside: New: the provider is nil; use otel.GetTracerProvider()")
	}
	return tracer{provider.Tracer(scope)}
}

type tracer struct{ spans trace.Tracer }

// Start implements [store.Tracer].
func (t tracer) Start(ctx context.Context, start store.TraceStart) context.Context {
	options := []trace.SpanStartOption{trace.WithAttributes(attributes(start)...)}
	if start.Cause == store.CauseAhead || start.Cause == store.CauseCheck { // in the background
		options = append(options, trace.WithNewRoot(), trace.WithLinks(trace.LinkFromContext(ctx)))
	}
	ctx, _ = t.spans.Start(ctx, "aside "+string(start.Operation), options...)
	return ctx
}

func attributes(start store.TraceStart) []attribute.KeyValue {
	all := []attribute.KeyValue{Namespace.String(start.Namespace)}
	if start.Cache != "" {
		all = append(all, Cache.String(start.Cache))
	}
	if start.Cause != "" {
		all = append(all, Source.String(string(start.Cause)))
	}
	if start.Kind != "" {
		all = append(all, Kind.String(start.Kind))
	}
	if start.Keys > 0 {
		all = append(all, Keys.Int(start.Keys))
	}
	return all
}

// End implements [store.Tracer].
func (t tracer) End(ctx context.Context, end store.TraceEnd) {
	span := trace.SpanFromContext(ctx)
	defer span.End()
	switch {
	case end.Absent:
		span.SetAttributes(Absent.Bool(true))
	case end.Err != nil:
		span.RecordError(end.Err)
		span.SetStatus(codes.Error, end.Err.Error())
	}
}
