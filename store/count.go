package store

import (
	"strings"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/histogram"
)

// newLoadTimes returns a histogram of how long loads take.
func newLoadTimes() *histogram.Histogram {
	return histogram.New(
		5*time.Millisecond, 10*time.Millisecond, 25*time.Millisecond, 50*time.Millisecond, 100*time.Millisecond,
		250*time.Millisecond, 500*time.Millisecond, time.Second, 2500*time.Millisecond, 5*time.Second, 10*time.Second)
}

// Durations is a histogram of how long something has taken.
type Durations struct {
	Count int64
	Sum   time.Duration
	UpTo  map[time.Duration]int64 // how many took so long at most; what took longer than the longest is in Count alone
}

// sizes are gauges that are added up.
type sizes struct {
	mu  sync.Mutex
	all []func() int
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

// EvictionStats counts evictions by what was evicted. Those that are queued are counted when they are.
type EvictionStats struct {
	Keys       int64 // entries
	Tags       int64 //
	All        int64 // whole caches
	Everything int64 // the whole namespace
	Pattern    int64 // entries found by evict.ByPattern
	Expired    int64 // entries whose time to live was ended instead; not in [Stats.Evictions]
}

func (e EvictionStats) total() int64 { return e.Keys + e.Tags + e.All + e.Everything + e.Pattern }

// evictionKind is what is evicted.
type evictionKind uint8

const (
	kindKey evictionKind = iota
	kindTag
	kindAll
	kindEverything
	kindPattern
	kindExpire
	evictionKinds
)

func (k evictionKind) String() string {
	return [evictionKinds]string{"key", "tag", "all", "everything", "pattern", "expire"}[k]
}

// kindOf tells from its key what an eviction evicts.
func (s *Store) kindOf(key Key) evictionKind {
	rest := strings.TrimPrefix(strings.TrimPrefix(key.addr, s.cfg.namespace), ":{")
	switch {
	case !strings.HasPrefix(rest, "#"): // no cache has a name that begins so
		return kindKey
	case strings.HasPrefix(rest, "#tag:"):
		return kindTag
	case strings.HasPrefix(rest, "#all:"):
		return kindAll
	default:
		return kindEverything
	}
}

// countEvictions counts the keys as what they are.
func (s *Store) countEvictions(keys []Key) {
	for _, key := range keys {
		s.stats.evictions[s.kindOf(key)].Add(1)
	}
}

func (s *storeStats) kinds() EvictionStats {
	n := func(k evictionKind) int64 { return s.evictions[k].Load() }
	return EvictionStats{
		Keys: n(kindKey), Tags: n(kindTag), All: n(kindAll), Everything: n(kindEverything),
		Pattern: n(kindPattern), Expired: n(kindExpire),
	}
}
