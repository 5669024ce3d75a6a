package ratelimit

import (
	"math"
	"slices"
)

// hit is m permits taken at a time, or in a slot.
type hit struct {
	at, m float64
	id    uint64 // of the charge, where that matters
}

// logMeter remembers each hit, for the exact window and for [Concurrency], where a hit lasts for a lease.
type logMeter struct {
	limit, window float64
	hits          []hit // in the order of at
}

func newLog(limit, window float64) meter { return &logMeter{limit: limit, window: window} }

func (t *logMeter) purge(now float64) {
	t.hits = slices.DeleteFunc(t.hits, func(h hit) bool { return h.at <= now-t.window })
}

func (t *logMeter) left(now float64) float64 {
	t.purge(now)
	return max(0, t.limit-sum(t.hits))
}

func (t *logMeter) wait(now, m float64) float64 {
	if last, over := drops(t.hits, m-t.left(now)); over {
		return last.at + t.window - now
	}
	return 0
}

func (t *logMeter) reset(now float64) float64 {
	t.purge(now)
	if len(t.hits) == 0 {
		return 0
	}
	return t.hits[len(t.hits)-1].at + t.window - now
}

func (t *logMeter) take(now, m float64, id uint64) {
	t.hits = append(t.hits, hit{at: now, m: m, id: id})
}

func (t *logMeter) give(_, _, m float64, id uint64) {
	t.hits = removeFrom(t.hits, m, func(h hit) bool { return h.id == id })
}

// renew moves a hit of m permits to now. If it has expired it is taken again, or renew reports that there is no room.
func (t *logMeter) renew(now, m float64, id uint64) bool {
	t.purge(now)
	i := slices.IndexFunc(t.hits, func(h hit) bool { return h.id == id })
	switch {
	case i >= 0:
		t.hits = slices.Delete(t.hits, i, i+1)
	case m > t.left(now):
		return false
	}
	t.take(now, m, id)
	return true
}

// buckets is the sliding window of Strict.
type buckets struct {
	limit, width, slots float64
	hits                []hit // one for each slot in use, at its number
}

func newBuckets(limit, width, slots float64) meter {
	return &buckets{limit: limit, width: width, slots: slots}
}

func (b *buckets) purge(now float64) {
	index := math.Floor(now / b.width)
	b.hits = slices.DeleteFunc(b.hits, func(h hit) bool { return h.at < index-b.slots })
}

func (b *buckets) gone(h hit, now float64) float64 { return (h.at+b.slots+1)*b.width - now }

func (b *buckets) left(now float64) float64 {
	b.purge(now)
	return max(0, b.limit-sum(b.hits))
}

func (b *buckets) wait(now, m float64) float64 {
	if last, over := drops(b.hits, m-b.left(now)); over {
		return b.gone(last, now)
	}
	return 0
}

func (b *buckets) reset(now float64) float64 {
	b.purge(now)
	if len(b.hits) == 0 {
		return 0
	}
	return b.gone(b.hits[len(b.hits)-1], now)
}

func (b *buckets) take(now, m float64, _ uint64) {
	index := math.Floor(now / b.width)
	if n := len(b.hits); n > 0 && b.hits[n-1].at >= index {
		b.hits[n-1].m += m
		return
	}
	b.hits = append(b.hits, hit{at: index, m: m})
}

func (b *buckets) give(_, at, m float64, _ uint64) {
	index := math.Floor(at / b.width)
	b.hits = removeFrom(b.hits, m, func(h hit) bool { return h.at == index })
}

func sum(hits []hit) (n float64) {
	for _, h := range hits {
		n += h.m
	}
	return n
}

// drops returns the last of the oldest hits that must expire before over permits are free, and whether one must at all.
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

// removeFrom takes m permits back from the hit that is meant.
func removeFrom(hits []hit, m float64, is func(hit) bool) []hit {
	i := slices.IndexFunc(hits, is)
	if i < 0 {
		return hits
	}
	if hits[i].m -= m; hits[i].m > 0 {
		return hits
	}
	return slices.Delete(hits, i, i+1)
}
