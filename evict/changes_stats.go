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
	Pending   int64 // changes received whose evictions are not confirmed yet; at least 1 while the source fails
	Retries   int64 // times that Redis did not confirm evictions, so that they were retried
	Failures  int64 // times that the source or its stream failed, in total
	Resets    int64 // times that everything the targets cover was evicted, because there was no position to continue from

	Unreplicated int64 // times that evictions were carried out, but too few replicas confirmed them in time, see store.WaitForReplicas
	Passed       int64 // changes that could not be read or evicted, so that everything they may concern was evicted instead

	// FailingFor is how long the source has been failing. It is 0 while the source works: a stream has moved the position
	// since the last failure, or has lasted for 200 ms, after many failures up to 5 s. It is 0 in a process that stands by.
	FailingFor time.Duration
	// ConsecutiveFailures counts the failures during FailingFor.
	ConsecutiveFailures int64
	// LastError is the text of the source's last error. It stays after a recovery; it is empty if there was none.
	LastError string

	// Lag is the time from the latest change to the confirmation of its eviction, or the age of the oldest pending change,
	// or FailingFor, whichever is most. It compares the source's clock with this machine's.
	Lag time.Duration
}

// changesCounts are the counters behind ChangesStats. The consumer's goroutines write them.
type changesCounts struct {
	leading                                                 atomic.Bool
	received, handled, evictions, retries, failures, resets atomic.Int64
	unreplicated, passed                                    atomic.Int64
	lag                                                     atomic.Int64 // of the change handled last, in nanoseconds
	oldestPending                                           atomic.Int64 // Unix time in nanoseconds; 0 if none is pending
	failing                                                 atomic.Pointer[failing]
	lastError                                               atomic.Pointer[string]
}

// failing is a time in which the source fails. It does not change.
type failing struct {
	since    time.Time
	failures int64
}

// failed records a failure of the source. It reports whether it is the first in a row. The consumer's goroutine calls it.
func (n *changesCounts) failed(err error) (first bool) {
	n.failures.Add(1)
	text := err.Error()
	n.lastError.Store(&text)
	before := n.failing.Load()
	if before == nil {
		n.failing.Store(&failing{time.Now(), 1})
		return true
	}
	n.failing.Store(&failing{before.since, before.failures + 1})
	return false
}

// recovered ends the time in which the source fails. It reports whether there was one.
func (n *changesCounts) recovered() bool { return n.failing.Swap(nil) != nil }

// stats does not read all counters at the same instant.
func (n *changesCounts) stats() ChangesStats {
	s := ChangesStats{
		Leading: n.leading.Load(), Changes: n.handled.Load(), Evictions: n.evictions.Load(),
		Retries: n.retries.Load(), Failures: n.failures.Load(), Resets: n.resets.Load(),
		Unreplicated: n.unreplicated.Load(), Passed: n.passed.Load(),
		Lag: time.Duration(n.lag.Load()),
	}
	s.Pending = max(0, n.received.Load()-s.Changes)
	if oldest := n.oldestPending.Load(); oldest != 0 {
		s.Lag = max(s.Lag, time.Since(time.Unix(0, oldest)))
	}
	if text := n.lastError.Load(); text != nil {
		s.LastError = *text
	}
	if f := n.failing.Load(); f != nil {
		s.FailingFor, s.ConsecutiveFailures = time.Since(f.since), f.failures
		s.Pending, s.Lag = max(s.Pending, 1), max(s.Lag, s.FailingFor)
	}
	return s
}
