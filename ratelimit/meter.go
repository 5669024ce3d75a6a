package ratelimit

import (
	"math"
	"slices"
)

// meter is a policy's state for one key in this process, in the same arithmetic as the Lua files: doubles, in
// microseconds. Its methods are for one goroutine at a time.
type meter interface {
	wait(now, m float64) float64 // until m permits are free; 0: now
	left(now float64) float64
	reset(now float64) float64 // until all are free
	take(now, m float64, id uint64)
	give(now, at, m float64, id uint64) // give back m permits that id took at that time
}

type counter struct{ limit, window, index, current, previous float64 }

func newCounter(p part) meter { return &counter{limit: float64(p.limit), window: p.unit, index: -2} }

// at is how much of the window is gone, and how far behind its beginning a clock is that went back.
func (c *counter) at(now float64) (gone, ahead float64) {
	switch index := math.Floor(now / c.window); index {
	case c.index, c.index - 1:
	case c.index + 1:
		c.index, c.current, c.previous = index, 0, c.current
	default:
		c.index, c.current, c.previous = index, 0, 0
	}
	begin := c.index * c.window
	return max(0, now-begin), max(0, begin-now)
}

func (c *counter) free(gone float64) float64 {
	return max(0, c.limit-c.current-math.Ceil(c.previous*(c.window-gone)/c.window))
}

// fade is the wait until no more than share of the hits in a whole window are within reach. As long as share*window is
// exact, below 2^53, the quotient can't round up to a whole number.
func (c *counter) fade(hits, share float64) float64 {
	return c.window - math.Floor(share*c.window/hits)
}

func (c *counter) wait(now, m float64) float64 {
	gone, ahead := c.at(now)
	switch {
	case m <= c.free(gone):
		return 0
	case c.current+m <= c.limit:
		return ahead + c.fade(c.previous, c.limit-c.current-m) - gone
	}
	return ahead + c.window - gone + max(0, c.fade(c.current, c.limit-m))
}

func (c *counter) left(now float64) float64 {
	gone, _ := c.at(now)
	return c.free(gone)
}

func (c *counter) reset(now float64) float64 {
	gone, ahead := c.at(now)
	switch {
	case c.current > 0:
		return ahead + 2*c.window - gone
	case c.previous > 0:
		return ahead + c.window - gone
	}
	return 0
}

func (c *counter) take(now, m float64, _ uint64) {
	c.at(now)
	c.current += m
}

func (c *counter) give(_, at, m float64, _ uint64) {
	switch math.Floor(at / c.window) {
	case c.index:
		c.current = max(0, c.current-m)
	case c.index - 1:
		c.previous = max(0, c.previous-m)
	}
}

type fixed struct{ limit, window, index, count float64 }

func newFixed(p part) meter { return &fixed{limit: float64(p.limit), window: p.unit, index: -2} }

func (f *fixed) at(now float64) {
	if index := math.Floor(now / f.window); index != f.index && index != f.index-1 {
		f.index, f.count = index, 0
	}
}

func (f *fixed) left(now float64) float64 {
	f.at(now)
	return max(0, f.limit-f.count)
}

func (f *fixed) reset(now float64) float64 {
	f.at(now)
	if f.count > 0 {
		return (f.index+1)*f.window - now
	}
	return 0
}

func (f *fixed) wait(now, m float64) float64 {
	if m <= f.left(now) {
		return 0
	}
	return f.reset(now)
}

func (f *fixed) take(now, m float64, _ uint64) {
	f.at(now)
	f.count += m
}

func (f *fixed) give(_, at, m float64, _ uint64) {
	if math.Floor(at/f.window) == f.index {
		f.count = max(0, f.count-m)
	}
}

type gcra struct{ period, full, tat float64 }

func newGCRA(p part) meter { return &gcra{period: p.unit, full: float64(p.limit) * p.unit} }

func (g *gcra) used(now float64) float64 { return max(0, min(g.tat-now, g.full)) }

func (g *gcra) left(now float64) float64 { return math.Floor((g.full - g.used(now)) / g.period) }

func (g *gcra) wait(now, m float64) float64 {
	return max(0, math.Ceil(g.used(now)+m*g.period-g.full))
}

func (g *gcra) reset(now float64) float64 { return math.Ceil(g.used(now)) }

func (g *gcra) take(now, m float64, _ uint64) { g.tat = now + g.used(now) + m*g.period }

func (g *gcra) give(now, at, m float64, _ uint64) { g.tat -= max(0, m*g.period-max(0, now-at)) }

type buckets struct {
	limit, width, slots float64
	hits                []hit // one for each slot in use, at its number
}

func newBuckets(p part) meter {
	return &buckets{limit: float64(p.limit), width: p.unit, slots: float64(p.slots)}
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
	b.hits = without(b.hits, m, func(h hit) bool { return h.at == index })
}
