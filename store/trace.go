package store

import (
	"context"
	"time"
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
	OperationLoad  Operation = "load"  // a call of the loader
	OperationWait  Operation = "wait"  // a wait for the load of another process
	OperationEvict Operation = "evict" // an eviction, or the end of a hold, which is one too
)

// Cause is why a load was begun.
type Cause string

// The causes of loads.
const (
	CauseMiss    Cause = "miss"    // there was nothing to answer with
	CauseBypass  Cause = "bypass"  // the cache was not to be used: a writer is at work, or Redis does not answer
	CauseRefresh Cause = "refresh" // Refresh was called
	CauseAhead   Cause = "ahead"   // in the background, because the value is soon too old; nobody waits for it
	CauseCheck   Cause = "check"   // to compare the cache with the source; nothing is stored
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

// Tracing is an operation that is being traced. Its zero value is one that is not.
type Tracing struct {
	store *Store
	ctx   context.Context //nolint:containedctx // of the operation, to be given back to the tracer
	what  Operation
	began time.Time
}

// trace begins an operation.
func (s *Store) trace(ctx context.Context, start TraceStart) (context.Context, Tracing) {
	if s.cfg.tracer == nil {
		return ctx, Tracing{}
	}
	start.Namespace = s.cfg.namespace
	t := Tracing{store: s, ctx: ctx, what: start.Operation, began: time.Now()}
	if traced := s.startTrace(ctx, start); traced != nil {
		t.ctx = traced
	}
	return t.ctx, t
}

func (s *Store) startTrace(ctx context.Context, start TraceStart) context.Context {
	defer s.guardTracer()
	return s.cfg.tracer.Start(ctx, start)
}

// guardTracer keeps a tracer's mistake from failing what it only looks at.
func (s *Store) guardTracer() {
	if value := recover(); value != nil {
		s.Recovered("tracer", value)
	}
}

// End ends the operation. Further calls do nothing.
func (t *Tracing) End(err error) { t.end(TraceEnd{Err: err}) }

func (t *Tracing) end(end TraceEnd) {
	s := t.store
	if s == nil {
		return
	}
	t.store = nil
	end.Operation, end.Took = t.what, time.Since(t.began)
	defer s.guardTracer()
	s.cfg.tracer.End(t.ctx, end)
}

// TraceWait begins a wait for the load of another process.
func (p *Space) TraceWait(ctx context.Context) (context.Context, Tracing) {
	return p.st.trace(ctx, TraceStart{Operation: OperationWait, Cache: p.name, Keys: 1})
}

// Load is a load that has begun.
type Load struct {
	space *Space
	began time.Time
	trace Tracing
}

// StartLoad counts a load of so many keys that begins now, and returns the context for the loader.
func (p *Space) StartLoad(ctx context.Context, cause Cause, keys int) (context.Context, Load) {
	p.Count(EventLoad)
	ctx, tracing := p.st.trace(ctx, TraceStart{Operation: OperationLoad, Cache: p.name, Cause: cause, Keys: keys})
	return ctx, Load{space: p, began: time.Now(), trace: tracing}
}

// End counts how long the load took; absent says that its error is only that the source has nothing.
func (l *Load) End(err error, absent bool) {
	l.space.counts.loads.Observe(time.Since(l.began))
	l.trace.end(TraceEnd{Err: err, Absent: absent})
}

// traceEviction begins the eviction of keys.
func (s *Store) traceEviction(ctx context.Context, keys []Key) (context.Context, Tracing) {
	if s.cfg.tracer == nil {
		return ctx, Tracing{}
	}
	return s.trace(ctx, TraceStart{Operation: OperationEvict, Kind: s.kindsOf(keys), Keys: len(keys)})
}

// kindsOf says what an eviction evicts.
func (s *Store) kindsOf(keys []Key) string {
	kind := kindKey
	for i, key := range keys {
		switch of := s.kindOf(key); {
		case i == 0:
			kind = of
		case of != kind:
			return "mixed"
		}
	}
	return kind.String()
}
