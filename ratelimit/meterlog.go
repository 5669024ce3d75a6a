package ratelimit

import "slices"

// hit is m permits taken at a time, or in a slot.
type hit struct {
	at, m float64
	id    uint64 // of the charge, where that matters
}

// times is the exact log, and also [Concurrency], where a hit lasts for a lease.
type times struct {
	limit, window float64
	hits          []hit // in the order of at
}

func newLog(p part) meter { return &times{limit: float64(p.limit), window: p.unit} }

func newLeases(p part) meter { return &times{limit: float64(p.limit), window: p.unit} }

func (t *times) purge(now float64) {
	t.hits = slices.DeleteFunc(t.hits, func(h hit) bool { return h.at <= now-t.window })
}

func (t *times) left(now float64) float64 {
	t.purge(now)
	return max(0, t.limit-sum(t.hits))
}

func (t *times) wait(now, m float64) float64 {
	if last, over := drops(t.hits, m-t.left(now)); over {
		return last.at + t.window - now
	}
	return 0
}

func (t *times) reset(now float64) float64 {
	t.purge(now)
	if len(t.hits) == 0 {
		return 0
	}
	return t.hits[len(t.hits)-1].at + t.window - now
}

func (t *times) take(now, m float64, id uint64) {
	t.hits = append(t.hits, hit{at: now, m: m, id: id})
}

func (t *times) give(_, _, m float64, id uint64) {
	t.hits = without(t.hits, m, func(h hit) bool { return h.id == id })
}

// renew makes a hit a new one, if it has not ended yet.
func (t *times) renew(now float64, id uint64) bool {
	t.purge(now)
	i := slices.IndexFunc(t.hits, func(h hit) bool { return h.id == id })
	if i < 0 {
		return false
	}
	h := t.hits[i]
	h.at = now
	t.hits = append(slices.Delete(t.hits, i, i+1), h)
	return true
}

func sum(hits []hit) (n float64) {
	for _, h := range hits {
		n += h.m
	}
	return n
}

// drops is the last hit that has to go until over permits are free, and whether one has to at all.
func drops(hits []hit, over float64) (hit, bool) {
	if over <= 0 {
		return hit{}, false
	}
	for _, h := range hits {
		if over -= h.m; over <= 0 {
			return h, true
		}
	}
	return hit{}, false
}

func without(hits []hit, m float64, is func(hit) bool) []hit {
	i := slices.IndexFunc(hits, is)
	if i < 0 {
		return hits
	}
	if hits[i].m -= m; hits[i].m > 0 {
		return hits
	}
	return slices.Delete(hits, i, i+1)
}
