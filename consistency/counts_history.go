package consistency

import (
	"sync"
	"time"

	"github.com/jollyjet/aside/store"
)

// countsHistory remembers the counters of all caches at moments of the past. It is safe for concurrent use.
type countsHistory struct {
	keep time.Duration // how far back it has to reach

	mu     sync.Mutex
	points []countsPoint // ordered by time; guarded by mu
}

// countsPoint is the counters of all caches at one moment.
type countsPoint struct {
	at     time.Time
	caches map[string]Counts
}

func countsNow(s store.Stats) countsPoint {
	p := countsPoint{at: time.Now(), caches: make(map[string]Counts, len(s.Caches))}
	for name, cache := range s.Caches {
		p.caches[name] = countsOf(cache)
	}
	return p
}

// add appends a point, and drops those that are no longer needed: all before the latest one that is old enough.
func (h *countsHistory) add(p countsPoint) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.points = append(h.points, p)
	old := 0
	for old+1 < len(h.points) && p.at.Sub(h.points[old+1].at) >= h.keep {
		old++
	}
	h.points = append(h.points[:0], h.points[old:]...)
}

// since returns what was counted in the span before now, and how long that span really was. It is shorter than
// requested while the history does not reach back far enough.
func (h *countsHistory) since(now countsPoint, span time.Duration) (map[string]Counts, time.Duration) {
	then := h.at(now.at.Add(-span), now)
	counts := make(map[string]Counts, len(now.caches))
	for name, c := range now.caches {
		counts[name] = c.minus(then.caches[name])
	}
	return counts, now.at.Sub(then.at)
}

// at returns the latest point that is not after t, or else the first point, or now if there is none.
func (h *countsHistory) at(t time.Time, now countsPoint) countsPoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	best := now
	for i, p := range h.points {
		if i == 0 || !p.at.After(t) {
			best = p
		}
	}
	return best
}
