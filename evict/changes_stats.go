package evict

import (
	"sync/atomic"
	"time"
)

// ChangesStats is what a [Changes] has done so far, in this process.
type ChangesStats struct {
	// Leading reports whether this process consumes the changes. One process in the fleet does; the others stand by.
	Leading bool

	Changes   int64 // changes whose evictions are confirmed
	Evictions int64 // keys and tags evicted for these; changes handled together count each key once
	Pending   int64 // changes received whose evictions are not confirmed yet
	Retries   int64 // times that Redis did not confirm evictions, so that they were retried
	Failures  int64 // times that the source or its stream failed
	Resets    int64 // times that everything the targets cover was evicted, because there was no position to continue from

	// Lag is the time from the latest change to the confirmation of its eviction, or the age of the oldest pending change
	// if that is more. It compares the source's clock with this machine's.
	Lag time.Duration
}

// changesCounts are the counters behind ChangesStats. The consumer's goroutines write them.
type changesCounts struct {
	leading                                                 atomic.Bool
	received, handled, evictions, retries, failures, resets atomic.Int64
	lag                                                     atomic.Int64 // of the change handled last, in nanoseconds
	oldestPending                                           atomic.Int64 // Unix time in nanoseconds; 0 if none is pending
}

// stats does not read all counters at the same instant.
func (n *changesCounts) stats() ChangesStats {
	s := ChangesStats{
		Leading: n.leading.Load(), Changes: n.handled.Load(), Evictions: n.evictions.Load(),
		Retries: n.retries.Load(), Failures: n.failures.Load(), Resets: n.resets.Load(),
		Lag: time.Duration(n.lag.Load()),
	}
	s.Pending = max(0, n.received.Load()-s.Changes)
	if oldest := n.oldestPending.Load(); oldest != 0 {
		s.Lag = max(s.Lag, time.Since(time.Unix(0, oldest)))
	}
	return s
}
