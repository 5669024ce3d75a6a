package ratelimit

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/histogram"
)

// Event is one decision.
type Event struct {
	Limiter string        // its [Name]
	Key     string        // a hash of the key, or with [ObserveKeys] the key
	Result  Result        // the zero value if Err is set
	Err     error         // why there was no decision
	Took    time.Duration // from the call to the answer
}

// Durations is a histogram of how long decisions took. Count and Sum are of all of them; UpTo has, for each bound, how many
// took no longer. Only Count and Sum include those above the highest bound.
type Durations = histogram.Durations

// Stats counts the decisions of a limiter. Peek is not counted.
type Stats struct {
	Policy       string // in the form that [ParsePolicy] reads
	Allowed      int64  // shadow denials included
	Denied       int64  // by Redis, or by this process while Redis was away
	LocalDenied  int64  // repeated by [DenyCache]; not in Denied
	ShadowDenied int64  // denials that [Shadow] turned into allowances
	Fallback     int64  // decided without Redis, by [Local] or [FailOpen]
	Errors       int64  // requests that Redis did not answer, or not in time, also those decided by the fallback, but not if the caller hung up
	CostErrors   int64  // requests with a cost that can never be allowed; see [ErrCost]
	BreakerOpen  bool   // now

	LeasesRetaken int64 // leases of [Concurrency] that Redis had lost or let expire, and that a renewal took back
	LeasesLost    int64 // permits in use whose work was told to stop; see [ErrLeaseLost]

	Took Durations // from the call to the answer, also where that was an error
}

type counters struct {
	allowed, denied, localDenied, shadowDenied, fallback, errors, leasesRetaken, leasesLost, costErrors atomic.Int64
	took                                                                                                *histogram.Histogram

	costLogged sync.Once
}

func newCounters() *counters {
	return &counters{took: histogram.New(
		100*time.Microsecond, 250*time.Microsecond, 500*time.Microsecond, time.Millisecond, 2500*time.Microsecond,
		5*time.Millisecond, 10*time.Millisecond, 25*time.Millisecond, 50*time.Millisecond, 100*time.Millisecond,
		250*time.Millisecond, time.Second)}
}

func (c *counters) count(r *Result, err error, took time.Duration) {
	switch {
	case errors.Is(err, ErrCost):
		c.costErrors.Add(1)
	case err != nil:
	case r.Shadow:
		c.shadowDenied.Add(1)
	case r.Allowed:
		c.allowed.Add(1)
	case r.Source == FromDenyCache:
		c.localDenied.Add(1)
	default:
		c.denied.Add(1)
	}
	if r.Source == FromLocal || r.Source == FromFailOpen {
		c.fallback.Add(1)
	}
	c.took.Observe(took)
}

// read returns the counters. They are not read at one instant.
func (c *counters) read() Stats {
	shadowDenied := c.shadowDenied.Load()
	return Stats{
		Allowed: c.allowed.Load() + shadowDenied, Denied: c.denied.Load(), LocalDenied: c.localDenied.Load(),
		ShadowDenied: shadowDenied, Fallback: c.fallback.Load(), Errors: c.errors.Load(), CostErrors: c.costErrors.Load(), Took: c.took.Read(),
		LeasesRetaken: c.leasesRetaken.Load(), LeasesLost: c.leasesLost.Load(),
	}
}
