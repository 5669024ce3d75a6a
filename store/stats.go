package store

import (
	"time"

	"github.com/jollyjet/aside/internal/redisx"
)

// Stats has the counters of a store since [Open], and its state now.
type Stats struct {
	Feed      FeedStats
	Breakers  BreakerStats
	Recovery  RecoveryStats
	Refusals  []Refusal // why Redis refuses commands now
	Evictions int64     // keys and tags evicted, or queued
	Kinds     EvictionStats
	Queued    int64 // evictions that failed and were queued
	Replayed  int64 // queued evictions delivered later
	Overflows int64 // how often the queue exceeded QueueLimit or QueueAge and became one eviction of everything
	Pending   int64 // evictions queued now
	Panics    int64 // recovered in background goroutines, and in functions of the user that may fail
	Caches    map[string]CacheStats
}

// Refusal is a reason why Redis refuses commands: a missing permission, full memory, a server that is a replica. It has the
// fields Node (the address), Command (the first that was refused, in capitals), Reply (of Redis), Advice (what to do), Since
// (when it began) and Count (commands refused). It ends one second after the last refused command.
type Refusal = redisx.Refusal

// RecoveryStats is about evictions that Redis has not confirmed, or may have lost.
type RecoveryStats struct {
	PendingFor    time.Duration // how long the queue has not been empty, without the time in which no process ran
	Remembered    int64         // confirmed evictions in the history, repeated if Redis comes back with older data
	Restarts      int64         // how often Redis may have come back with older data
	Recalled      int64         // confirmed evictions that were queued again for that reason
	Unreplicated  int64         // evictions that too few replicas confirmed in time, see [WaitForReplicas]
	JournalErrors int64         // failed writes of the journal
	JournalFault  string        // why the journal can't be written now; empty if it can, or if there is none
	Blind         bool          // Redis does not identify itself in INFO, so restarts can't be detected
}

// FeedStats is the state of the invalidation feed.
type FeedStats struct {
	Up      bool // every master has a working connection
	Masters int
	Lag     time.Duration // current delay of a notice, on the slowest connection
	Drops   int64         // how often a working connection broke
}

// BreakerStats is the state of the circuit breakers.
type BreakerStats struct {
	Open    []string // the masters with an open breaker: the store sends them nothing
	Masters []string // all masters that are known now
	Trips   int64    // how often a breaker has opened
}

// EvictionStats counts evictions by what was evicted. A queued eviction counts when it is queued.
type EvictionStats struct {
	Keys       int64 // entries
	Tags       int64 // tags
	All        int64 // whole caches
	Everything int64 // the whole namespace
	Pattern    int64 // entries found by evict.ByPattern
	Expired    int64 // entries that evict.Expire made stale; not in [Stats.Evictions]
}

// Stats returns the counters. They are not an atomic snapshot.
func (s *Store) Stats() Stats {
	out := s.outbox.Stats()
	stats := Stats{
		Feed:      FeedStats(s.tracker.Stats()),
		Breakers:  BreakerStats{Open: s.breakers.Open(), Masters: s.tracker.Masters(), Trips: s.breakers.Trips()},
		Refusals:  s.client.Refusals(),
		Kinds:     EvictionStats(s.engine.Evictor.Stats()),
		Queued:    out.Queued,
		Replayed:  out.Replayed,
		Overflows: out.Overflows,
		Pending:   out.Pending,
		Panics:    s.life.Panics(),
		Caches:    make(map[string]CacheStats),
		Recovery: RecoveryStats{
			PendingFor:    out.PendingFor,
			Remembered:    out.Remembered,
			Restarts:      s.detector.Restarts(),
			Recalled:      out.Recalled,
			Unreplicated:  s.wire.Unreplicated(),
			JournalErrors: out.JournalErrors,
			JournalFault:  out.JournalFault,
			Blind:         s.detector.IsBlind(),
		},
	}
	k := stats.Kinds
	stats.Evictions = k.Keys + k.Tags + k.All + k.Everything + k.Pattern
	for name, c := range s.engine.Entries.Counters() {
		stats.Caches[name] = cacheStats(c)
	}
	return stats
}
