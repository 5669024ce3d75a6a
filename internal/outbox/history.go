package outbox

import "time"

// history holds evictions that Redis has confirmed lately, for when it comes back with older data. The outbox's mu guards
// it.
type history struct {
	cfg     *Config
	periods []*period // oldest first
	n       int
}

// period is what was confirmed in one stretch of time.
type period struct {
	began, ended time.Time
	evictions    map[string]Eviction
}

// periods is into how many stretches the time is divided for which evictions are remembered.
const periods = 8

// add records a confirmed eviction. Where everything is distrusted only holds have to be remembered.
func (h *history) add(addr string, e Eviction) {
	if h.cfg.Distrust && e.Until.IsZero() {
		return
	}
	now := time.Now()
	if len(h.periods) == 0 || now.Sub(h.periods[len(h.periods)-1].began) > h.cfg.Remember/periods {
		h.periods = append(h.periods, &period{began: now, evictions: make(map[string]Eviction)})
	}
	h.periods[len(h.periods)-1].ended = now
	h.put(addr, e)
	if h.n > h.cfg.Limit {
		h.coarsen()
	}
}

// put adds an eviction to the last period.
func (h *history) put(addr string, e Eviction) {
	last := h.periods[len(h.periods)-1].evictions
	earlier, ok := last[addr]
	if !ok {
		h.n++
	}
	last[addr] = e.after(earlier)
}

// coarsen replaces all evictions by one of everything.
func (h *history) coarsen() {
	last := h.periods[len(h.periods)-1]
	all := history{cfg: h.cfg, periods: []*period{{began: last.began, ended: last.ended, evictions: make(map[string]Eviction)}}}
	for _, p := range h.periods {
		for _, e := range p.evictions {
			all.put(h.cfg.Everything, Eviction{Until: e.Until})
		}
	}
	*h = all
}

// forget drops what was confirmed before a moment.
func (h *history) forget(before time.Time) {
	for len(h.periods) > 0 && h.periods[0].ended.Before(before) {
		h.n -= len(h.periods[0].evictions)
		h.periods = h.periods[1:]
	}
}

// take calls f for every eviction and forgets them all.
func (h *history) take(f func(addr string, e Eviction)) {
	for _, p := range h.periods {
		for addr, e := range p.evictions {
			f(addr, e)
		}
	}
	*h = history{cfg: h.cfg}
}
