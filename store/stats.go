package store

import (
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/histogram"
)

type storeStats struct {
	evictions                   [evictionKinds]atomic.Int64
	queued, replayed, overflows atomic.Int64
	restarts, recalled          atomic.Int64
	unreplicated, journalErrors atomic.Int64
}

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
// is a replica. A cause counts as past a second after a command was last refused.
type Refusal struct {
	Node    string    // the address
	Command string    // the first that was refused, in capitals
	Reply   string    // Redis's own words
	Advice  string    // what to do about it
	Since   time.Time // when it began
	Count   int64     // commands refused
}

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

// CacheStats counts what the caches of one name have done. Reads are NearHits + Hits + StaleHits + NegativeHits +
// Misses + Bypasses.
type CacheStats struct {
	NearHits     int64 // answered by this process
	Hits         int64 // answered by Redis
	StaleHits    int64 // answered by Redis with a value past its time to live
	NegativeHits int64 // hits on the knowledge that the source has nothing
	Misses       int64
	Bypasses     int64 // reads that went to the source and stored nothing: a hold, a queued eviction, or no Redis
	Invalid      int64 // entries that were there but of no use, for one of the four reasons below
	Evicted      int64 // ... because a tag, the cache or the namespace was evicted
	Schema       int64 // ... because they were written for another type or with another codec
	Corrupt      int64 // ... because they were damaged or not written by aside
	Clash        int64 // ... because they belong to another key with the same hash
	Loads        int64
	LoadErrors   int64     // loads that returned an error, but for those that NotFound accepts; panics included
	Panics       int64     // loads that panicked
	LoadTimes    Durations // of the loads that have ended, or that nobody waits for any more
	Refused      int64     // results not stored because the key was evicted, or written, while the load ran
	Waits        int64     // times that a load of another process was waited for
	Unencodable  int64     // results that the codec could not encode
	TooLarge     int64     // values loaded or written and not stored because of cacheable.MaxBytes
	RedisErrors  int64     // commands of reads and loads that failed
	Refreshes    int64     // loads in the background
	Unrefreshed  int64     // ... that failed
	Mutated      int64     // shared values found changed, see cacheable.Near; only under the race detector
	BytesRead    int64     // size of the entries read from Redis
	BytesWritten int64     // size of the entries sent to Redis, whether or not it stored them
	NearEntries  int64     // values kept in this process now
	Checks       CheckStats
}

// Event is what a cache counts.
type Event uint8

// The events, one for each counter of [CacheStats].
const (
	EventHit Event = iota
	EventNegativeHit
	EventMiss
	EventBypass
	EventInvalid
	eventInvalidReason // followed by one for each Reason
	_
	_
	_
	_
	EventLoad
	EventLoadError
	EventPanic
	EventRefused
	EventWait
	EventUnencodable
	EventRedisError
	EventNearHit
	EventStale
	EventRefresh
	EventRefreshFailed
	EventMutated
	EventTooLarge
	events
)

// counters are those of the caches of one name.
type counters struct {
	events        [events]atomic.Int64
	loads         *histogram.Histogram
	read, written atomic.Int64 // bytes
	near          sizes
	checks        checks
}

func (c *counters) stats() CacheStats {
	n := func(e Event) int64 { return c.events[e].Load() }
	reason := func(r Reason) int64 { return n(eventInvalidReason + Event(r)) }
	return CacheStats{
		Hits: n(EventHit), NegativeHits: n(EventNegativeHit), Misses: n(EventMiss), Bypasses: n(EventBypass),
		Invalid: n(EventInvalid), Evicted: reason(Evicted), Schema: reason(Schema), Corrupt: reason(Corrupt),
		Clash: reason(Clash), Loads: n(EventLoad), LoadErrors: n(EventLoadError), Panics: n(EventPanic),
		LoadTimes: Durations(c.loads.Read()), Refused: n(EventRefused), Waits: n(EventWait), Unencodable: n(EventUnencodable),
		RedisErrors: n(EventRedisError), NearHits: n(EventNearHit), StaleHits: n(EventStale),
		Refreshes: n(EventRefresh), Unrefreshed: n(EventRefreshFailed), Mutated: n(EventMutated), TooLarge: n(EventTooLarge),
		BytesRead: c.read.Load(), BytesWritten: c.written.Load(), NearEntries: c.near.sum(),
		Checks: c.checks.stats(),
	}
}

// Count counts an event of the cache, and returns how many there have been.
func (p *Space) Count(e Event) int64 { return p.counts.events[e].Add(1) }

// CountInvalid counts an invalid view with its reason.
func (p *Space) CountInvalid(v View) {
	p.Count(EventInvalid)
	p.Count(eventInvalidReason + Event(v.Reason))
}

// CountNear makes what size returns part of [CacheStats.NearEntries]. It is called whenever somebody asks for the
// statistics, from any goroutine, until the end of the process.
func (p *Space) CountNear(size func() int) { p.counts.near.add(size) }

func (s *Store) countersOf(name string) *counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counters[name]
	if c == nil {
		c = &counters{loads: newLoadTimes()}
		s.counters[name] = c
	}
	return c
}

// Stats returns the counters. They are not read at one instant.
func (s *Store) Stats() Stats {
	stats := Stats{
		Feed:      s.feed.stats(),
		Breakers:  s.breakers.stats(),
		Recovery:  s.recoveryStats(),
		Refusals:  s.refusals(),
		Kinds:     s.stats.kinds(),
		Queued:    s.stats.queued.Load(),
		Replayed:  s.stats.replayed.Load(),
		Overflows: s.stats.overflows.Load(),
		Pending:   s.evictions.n.Load(),
		Panics:    s.life.panics.Load(),
		Caches:    make(map[string]CacheStats),
	}
	stats.Evictions = stats.Kinds.total()
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name, c := range s.counters {
		stats.Caches[name] = c.stats()
	}
	return stats
}

func (s *Store) refusals() []Refusal {
	var all []Refusal
	for _, r := range s.rdb.Refusals() {
		all = append(all, Refusal{Node: r.Node, Command: r.Command, Reply: r.Reply, Advice: r.Advice, Since: r.Since, Count: r.Count})
	}
	return all
}

func (s *Store) recoveryStats() RecoveryStats {
	pendingFor, remembered := s.evictions.gauges()
	return RecoveryStats{
		PendingFor:    pendingFor,
		Remembered:    remembered,
		Restarts:      s.stats.restarts.Load(),
		Recalled:      s.stats.recalled.Load(),
		Unreplicated:  s.stats.unreplicated.Load(),
		JournalErrors: s.stats.journalErrors.Load(),
		Blind:         s.lineage.blind.Load(),
	}
}
