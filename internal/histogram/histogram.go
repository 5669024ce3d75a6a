// Package histogram counts how long things take.
package histogram

import (
	"sync/atomic"
	"time"
)

// Histogram counts durations by upper bound. Its methods may be called from any goroutine; Observe takes no lock and
// allocates nothing.
type Histogram struct {
	bounds []time.Duration
	counts []atomic.Int64 // one for each bound, and one for what is above all of them
	sum    atomic.Int64
}

// New returns a histogram with these bounds, in ascending order.
func New(bounds ...time.Duration) *Histogram {
	return &Histogram{bounds: bounds, counts: make([]atomic.Int64, len(bounds)+1)}
}

// Observe counts d.
func (h *Histogram) Observe(d time.Duration) {
	i := 0
	for i < len(h.bounds) && d > h.bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

// Durations is what a histogram has counted.
type Durations struct {
	Count int64
	Sum   time.Duration
	UpTo  map[time.Duration]int64 // by bound, how many were not longer; Count alone has those above the highest bound
}

// Read returns the counts so far. The total is derived from the buckets, so the two agree even while others observe.
func (h *Histogram) Read() Durations {
	d := Durations{Sum: time.Duration(h.sum.Load()), UpTo: make(map[time.Duration]int64, len(h.bounds))}
	for i, bound := range h.bounds {
		d.Count += h.counts[i].Load()
		d.UpTo[bound] = d.Count
	}
	d.Count += h.counts[len(h.bounds)].Load()
	return d
}
