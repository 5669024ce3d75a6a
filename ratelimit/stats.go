package ratelimit

import (
	"sync/atomic"
	"time"
)

// Event is one decision.
type Event struct {
	Limiter string        // its [Name]
	Result  Result        // the zero value if Err is set
	Err     error         // why there was no decision
	Took    time.Duration // from the call to the answer
}

// Stats counts the decisions of a limiter. Peek is not counted.
type Stats struct {
	Allowed      int64 // shadow denials included
	Denied       int64 // by Redis, or by this process while Redis was away
	LocalDenied  int64 // repeated by [DenyCache]; not in Denied
	ShadowDenied int64 // denials that [Shadow] turned into allowances
	Fallback     int64 // decided without Redis, by [Local] or [FailOpen]
	Errors       int64 // times that Redis could not be asked, or not in time, also by requests that then got an answer
	BreakerOpen  bool  // now
}

type counters struct {
	allowed, denied, localDenied, shadowDenied, fallback, errors atomic.Int64
}

// Stats returns the counters. They are not read at one instant.
func (l *Limiter) Stats() Stats {
	return Stats{
		Allowed: l.counts.allowed.Load(), Denied: l.counts.denied.Load(), LocalDenied: l.counts.localDenied.Load(),
		ShadowDenied: l.counts.shadowDenied.Load(), Fallback: l.counts.fallback.Load(), Errors: l.counts.errors.Load(),
		BreakerOpen: l.backend.breaker.open(),
	}
}

func (l *Limiter) record(r *Result, err error, began time.Time) {
	switch {
	case err != nil:
	case r.Shadow:
		l.counts.shadowDenied.Add(1)
		l.counts.allowed.Add(1)
	case r.Allowed:
		l.counts.allowed.Add(1)
	case r.Source == FromDenyCache:
		l.counts.localDenied.Add(1)
	default:
		l.counts.denied.Add(1)
	}
	if r.Source == FromLocal || r.Source == FromFailOpen {
		l.counts.fallback.Add(1)
	}
	if l.observe != nil {
		l.observe(Event{Limiter: l.name, Result: *r, Err: err, Took: time.Since(began)})
	}
}
