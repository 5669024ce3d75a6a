package ratelimit

import (
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/histogram"
)

// Event is one decision.
type Event struct {
	Limiter string        // its [Name]
	Result  Result        // the zero value if Err is set
	Err     error         // why there was no decision
	Took    time.Duration // from the call to the answer
}

// Durations is a histogram of how long decisions took: their Count, their Sum, and UpTo, which has by bound how many took
// no longer. Count alone has those that took longer than the highest bound.
type Durations = histogram.Durations

func newTook() *histogram.Histogram {
	return histogram.New(
		100*time.Microsecond, 250*time.Microsecond, 500*time.Microsecond, time.Millisecond, 2500*time.Microsecond,
		5*time.Millisecond, 10*time.Millisecond, 25*time.Millisecond, 50*time.Millisecond, 100*time.Millisecond,
		250*time.Millisecond, time.Second)
}

// Stats counts the decisions of a limiter. Peek is not counted.
type Stats struct {
	Policy       string    // in the form that [ParsePolicy] reads
	Allowed      int64     // shadow denials included
	Denied       int64     // by Redis, or by this process while Redis was away
	LocalDenied  int64     // repeated by [DenyCache]; not in Denied
	ShadowDenied int64     // denials that [Shadow] turned into allowances
	Fallback     int64     // decided without Redis, by [Local] or [FailOpen]
	Errors       int64     // times that Redis could not be asked, or not in time, also by requests that then got an answer
	BreakerOpen  bool      // now
	Took         Durations // from the call to the answer, also where that was an error
}

type counters struct {
	allowed, denied, localDenied, shadowDenied, fallback, errors atomic.Int64
	took                                                         *histogram.Histogram
}

// Stats returns the counters. They are not read at one instant.
func (l *Limiter) Stats() Stats {
	shadowDenied := l.counts.shadowDenied.Load()
	return Stats{
		Policy: all(l.parts).String(), Took: l.counts.took.Read(),
		Allowed: l.counts.allowed.Load() + shadowDenied, Denied: l.counts.denied.Load(), LocalDenied: l.counts.localDenied.Load(),
		ShadowDenied: shadowDenied, Fallback: l.counts.fallback.Load(), Errors: l.counts.errors.Load(),
		BreakerOpen: l.backend.openBreakers.any(),
	}
}

func (l *Limiter) record(r *Result, err error, began time.Time) {
	switch {
	case err != nil:
	case r.Shadow:
		l.counts.shadowDenied.Add(1)
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
	took := time.Since(began)
	l.counts.took.Observe(took)
	if l.observe != nil {
		l.observe(Event{Limiter: l.name, Result: *r, Err: err, Took: took})
	}
}
