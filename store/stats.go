package store

import (
	"time"

	"github.com/jollyjet/aside/internal/redisx"
)

// Stats is what a store has done so far.
type Stats struct {
	Feed      FeedStats
	Breakers  BreakerStats
	Recovery  RecoveryStats
	Refusals  []Refusal // the causes for which Redis refuses commands at present
	Evictions int64     // keys and tags evicted, or queued
	Kinds     EvictionStats
	Queued    int64 // evictions that failed at first
	Replayed  int64 // queued evictions carried out since
	Overflows int64 // times that too many evictions were queued, or for too long, so that everything is evicted instead
	Pending   int64 // evictions queued now
	Panics    int64 // recovered in background goroutines, and in functions of the user's that may fail
	Caches    map[string]CacheStats
}

// Refusal is a cause for which Redis refuses commands: a permission that its user lacks, memory that is full, a server that
// is a replica. It has the fields Node (the address), Command (the first that was refused, in capitals), Reply (Redis's own
// words), Advice (what to do about it), Since (when it began) and Count (commands refused). A cause counts as past a second
// after a command was last refused.
type Refusal = redisx.Refusal

// RecoveryStats tells of evictions that Redis may have lost.
type RecoveryStats struct {
	PendingFor    time.Duration // for how long evictions have been waiting now, without a moment in which none was
	Remembered    int64         // confirmed evictions that would be repeated if Redis came back with older data now
	Restarts      int64         // times that Redis may have come back with older data
	Recalled      int64         // confirmed evictions queued again because of that
	Unreplicated  int64         // evictions that fewer replicas have confirmed in time than [WaitForReplicas] asks for
	JournalErrors int64         // times that the journal could not be written
	Blind         bool          // Redis does not say who it is, so that restarts go unnoticed
}

// FeedStats is the state of the invalidation feed.
type FeedStats struct {
	Up      bool // every master has a connection that is known to work
	Masters int
	Lag     time.Duration // how long a notice takes at present, by the slowest connection
	Drops   int64         // how often a connection that worked broke
}

// BreakerStats is the state of the circuit breakers.
type BreakerStats struct {
	Open    []string // the masters that nothing is sent to
	Masters []string // those of now, as far as they are known
	Trips   int64    // how often a breaker has opened
}

// EvictionStats counts evictions by what was evicted. Those that are queued are counted when they are.
type EvictionStats struct {
	Keys       int64 // entries
	Tags       int64 //
	All        int64 // whole caches
	Everything int64 // the whole namespace
	Pattern    int64 // entries found by evict.ByPattern
	Expired    int64 // entries whose time to live was ended instead; not in [Stats.Evictions]
}

// Stats returns the counters. They are not read at one instant.
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
