package ratelimit

import "math"

// meter is a policy's state for one key in this process. It uses the arithmetic of the Lua files: doubles, in microseconds.
// Its methods are for one goroutine at a time.
type meter interface {
	wait(now, m float64) float64 // until m permits are free; 0 if they are
	left(now float64) float64
	reset(now float64) float64 // until all are free
	take(now, m float64, id uint64)
	give(now, at, m float64, id uint64) // give back m permits that id took at that time
}

// counter is the sliding window of two counters.
type counter struct{ limit, window, index, current, previous float64 }

func newCounter(limit, window float64) meter {
	return &counter{limit: limit, window: window, index: -2}
}

// at moves the windows to now. It returns how much of the current window is over, and how far its start lies ahead of a
// clock that has been set back.
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

// fade is how long it takes until at most share of a whole window's hits lie within the sliding window. While share*window
// is exact, below 2^53, the quotient can't round up to a whole number.
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

// fixed is the window of the clock.
type fixed struct{ limit, window, index, count float64 }

func newFixed(limit, window float64) meter { return &fixed{limit: limit, window: window, index: -2} }

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

// gcra is the token bucket: tat is the theoretical arrival time, at which the bucket is full again.
type gcra struct{ period, full, tat float64 }

func newGCRA(limit, period float64) meter { return &gcra{period: period, full: limit * period} }

func (g *gcra) used(now float64) float64 { return max(0, min(g.tat-now, g.full)) }

func (g *gcra) left(now float64) float64 { return math.Floor((g.full - g.used(now)) / g.period) }

func (g *gcra) wait(now, m float64) float64 {
	return max(0, math.Ceil(g.used(now)+m*g.period-g.full))
}

func (g *gcra) reset(now float64) float64 { return math.Ceil(g.used(now)) }

func (g *gcra) take(now, m float64, _ uint64) { g.tat = now + g.used(now) + m*g.period }

func (g *gcra) give(now, at, m float64, _ uint64) { g.tat -= max(0, m*g.period-max(0, now-at)) }
