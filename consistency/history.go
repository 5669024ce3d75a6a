package consistency

import (
	"sync"
	"time"

	"github.com/jollyjet/aside/store"
)

// history remembers what caches had counted at moments of the past.
type history struct {
	keep time.Duration

	mu    sync.Mutex
	marks []mark // in the order of time
}

type mark struct {
	at     time.Time
	caches map[string]Counts
}

func markOf(s store.Stats) mark {
	m := mark{at: time.Now(), caches: make(map[string]Counts, len(s.Caches))}
	for name, cache := range s.Caches {
		m.caches[name] = countsOf(cache)
	}
	return m
}

// add remembers a mark, and forgets those that are no longer needed: all before the last that is old enough.
func (h *history) add(m mark) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.marks = append(h.marks, m)
	old := 0
	for old+1 < len(h.marks) && m.at.Sub(h.marks[old+1].at) >= h.keep {
		old++
	}
	h.marks = append(h.marks[:0], h.marks[old:]...)
}

// since returns what was counted in the last span before now, and how long it really was: less than was asked for if
// nothing older is remembered.
func (h *history) since(now mark, span time.Duration) (map[string]Counts, time.Duration) {
	then := h.at(now.at.Add(-span), now)
	counts := make(map[string]Counts, len(now.caches))
	for name, c := range now.caches {
		counts[name] = c.minus(then.caches[name])
	}
	return counts, now.at.Sub(then.at)
}

// at returns the last mark that is not after t, or else the first; if there is none it returns now.
func (h *history) at(t time.Time, now mark) mark {
	h.mu.Lock()
	defer h.mu.Unlock()
	best := now
	for i, m := range h.marks {
		if i == 0 || !m.at.After(t) {
			best = m
		}
	}
	return best
}
