package ratelimit

import "math/big"

// modelHit is n permits taken at a time.
type modelHit struct {
	at int64
	n  int
}

// model is the reference: it keeps every permit ever taken, and says what the documentation says, in whole numbers and
// with no thought of speed.
type model struct {
	part
	hits []modelHit

	missing, since int64 // of a bucket, in place of forgotten hits
}

func (m *model) take(at int64, n int) { m.hits = append(m.hits, modelHit{at, n}) }

// drop undoes a charge as if it had never been.
func (m *model) drop(k int) { m.hits[k].n = 0 }

func (m *model) between(from, to int64) (n int) {
	for i := len(m.hits) - 1; i >= 0 && m.hits[i].at >= from; i-- {
		if m.hits[i].at <= to {
			n += m.hits[i].n
		}
	}
	return n
}

// admits reports whether n permits may be had at a time no earlier than the last hit.
func (m *model) admits(at int64, n int) bool {
	window := m.span.Microseconds()
	switch m.algorithm {
	case slidingLog, slidingTimes, leases:
		return m.between(at-window+1, at)+n <= m.limit
	case fixedWindow:
		return m.between(at/window*window, at)+n <= m.limit
	case slidingBuckets:
		width := int64(m.unit)
		return m.between((at/width-int64(m.slots))*width, at)+n <= m.limit
	case slidingCounter, plainCounter:
		begin := at / window * window
		used := big.NewInt(int64(m.between(begin-window, begin-1)))
		used.Mul(used, big.NewInt(window-(at-begin)))
		used.Add(used, big.NewInt(int64(m.between(begin, at)+n)*window))
		return used.Cmp(big.NewInt(int64(m.limit)*window)) <= 0
	case tokenBucket:
		return m.tokens(at) >= int64(n)*m.period()
	}
	panic("no model of " + m.algorithm.word)
}

func (m *model) period() int64 { return int64(m.unit * 4) }

// tokens is what is in the bucket, in quarters of microseconds that it took to flow in.
func (m *model) tokens(at int64) int64 {
	level, last := m.pour(m.hits)
	return min(m.full(), level+(at-last)*4)
}

func (m *model) full() int64 { return int64(m.limit) * m.period() }

// pour is the level of the bucket just after some hits.
func (m *model) pour(hits []modelHit) (level, last int64) {
	level, last = m.full()-m.missing, m.since
	for _, h := range hits {
		level = min(m.full(), level+(h.at-last)*4) - int64(h.n)*m.period()
		last = h.at
	}
	return level, last
}

// forget drops hits that no window reaches any more, so that long simulations stay quick. A bucket keeps their sum.
func (m *model) forget(now int64) {
	i := 0
	for i < len(m.hits) && m.hits[i].at < now-3*m.span.Microseconds() {
		i++
	}
	level, last := m.pour(m.hits[:i])
	m.missing, m.since = m.full()-level, last
	m.hits = m.hits[i:]
}
