package entry

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/histogram"
)

// Counter is what a cache counts. store.CacheStats describes each.
type Counter uint8

// The counters.
const (
	CountHit Counter = iota
	CountNegativeHit
	CountMiss
	CountBypass
	CountInvalid
	countInvalidReason // followed by one for each reason of an invalid entry
	_
	_
	_
	_
	CountLoad
	CountLoadError
	CountPanic
	CountRefused
	CountWait
	CountUnencodable
	CountRedisError
	CountNearHit
	CountStale
	CountRefresh
	CountRefreshFailed
	CountMutated
	CountTooLarge
	CountUndecodable
	CountLossy
	CountDifferent // a loss that the type does not tell; not shown
	CountLeftOut   // caches whose type tells of a loss; not shown
	CountHopeless  // caches whose type can't be encoded; not shown
	counterCount
)

// Check is what came of comparing an answer of a cache with the source; see package consistency, which compares.
type Check uint8

// The outcomes; store.CheckStats describes each.
const (
	CheckEqual Check = iota
	CheckDiffers
	CheckExplained
	CheckUnsettled
	CheckGone
	CheckFailed
	CheckDropped
	CheckSkipped
	checkCount
)

// Counters are those of the caches of one name.
type Counters struct {
	events                  [counterCount]atomic.Int64
	loads                   *histogram.Histogram
	bytesRead, bytesWritten atomic.Int64
	near                    sizes

	checks                [checkCount]atomic.Int64
	repaired, differedFor atomic.Int64
	hung                  atomic.Int64
	hanging, unrepeating  atomic.Int64 // gauges
}

func newCounters() *Counters {
	return &Counters{loads: histogram.New(
		5*time.Millisecond, 10*time.Millisecond, 25*time.Millisecond, 50*time.Millisecond, 100*time.Millisecond,
		250*time.Millisecond, 500*time.Millisecond, time.Second, 2500*time.Millisecond, 5*time.Second, 10*time.Second)}
}

func (e *Entries) countersOf(name string) *Counters {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.counters[name]
	if c == nil {
		c = newCounters()
		e.counters[name] = c
	}
	return c
}

// Counters returns those of all caches, by name.
func (e *Entries) Counters() map[string]*Counters {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.counters)
}

// N is how often something was counted.
func (c *Counters) N(of Counter) int64 { return c.events[of].Load() }

// Invalid is how many invalid entries were found for a reason.
func (c *Counters) Invalid(why Reason) int64 { return c.N(countInvalidReason + Counter(why)) }

// Check is how many comparisons had an outcome.
func (c *Counters) Check(outcome Check) int64 { return c.checks[outcome].Load() }

// Repaired is how many wrong entries were evicted, and for how long they had been wrong, added up.
func (c *Counters) Repaired() (n int64, differedFor time.Duration) {
	return c.repaired.Load(), time.Duration(c.differedFor.Load())
}

// LoadTimes is how long loads took.
func (c *Counters) LoadTimes() histogram.Durations { return c.loads.Read() }

// Bytes is how much was read from Redis and sent to it.
func (c *Counters) Bytes() (read, written int64) { return c.bytesRead.Load(), c.bytesWritten.Load() }

// NearEntries is how many values are kept in this process now.
func (c *Counters) NearEntries() int64 { return c.near.sum() }

// Count counts, and returns how often it has.
func (c *Counters) Count(of Counter) int64 { return c.events[of].Add(1) }

// CountInvalid counts an invalid entry with its reason.
func (c *Counters) CountInvalid(e Entry) {
	c.Count(CountInvalid)
	c.Count(countInvalidReason + Counter(e.Reason))
}

// CountNear adds what size returns to [Counters.NearEntries]. It is called whenever somebody asks for the
// statistics, from any goroutine, until the end of the process.
func (c *Counters) CountNear(size func() int) { c.near.add(size) }

// CountChecks counts n answers that were chosen to be compared, and have the same outcome.
func (c *Counters) CountChecks(outcome Check, n int64) { c.checks[outcome].Add(n) }

// CountDiffered adds up for how long the cache had been wrong.
func (c *Counters) CountDiffered(d time.Duration) { c.differedFor.Add(int64(d)) }

// CountRepaired counts a wrong entry that was evicted.
func (c *Counters) CountRepaired() { c.repaired.Add(1) }

// CountHung counts a call of the loader for a comparison that has outlived its time. It hangs until ended is called.
func (c *Counters) CountHung() (ended func()) {
	c.hung.Add(1)
	c.hanging.Add(1)
	return func() { c.hanging.Add(-1) }
}

// Hung is how many calls of the loader for comparisons have outlived their time, and how many of them still run.
func (c *Counters) Hung() (all, now int64) { return c.hung.Load(), c.hanging.Load() }

// CountUnrepeating adds to the classes of keys for which the loader does not repeat its answers now.
func (c *Counters) CountUnrepeating(n int64) { c.unrepeating.Add(n) }

// Unrepeating is the number of those classes.
func (c *Counters) Unrepeating() int64 { return c.unrepeating.Load() }

// sizes are gauges that are added up.
type sizes struct {
	mu  sync.Mutex
	all []func() int // under mu; only appended to
}

func (s *sizes) add(size func() int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, size)
}

func (s *sizes) sum() (n int64) {
	s.mu.Lock()
	all := s.all[:len(s.all):len(s.all)]
	s.mu.Unlock() // not held while they run, for they are not ours
	for _, size := range all {
		n += int64(size())
	}
	return n
}
