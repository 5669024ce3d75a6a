package ratelimit

import (
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/lru"
)

// local decides in this process alone: what a limiter falls back on while Redis is away.
type local struct {
	parts  []part
	meters *lru.Map[string, []meter] // by hash tag, one for each part
	now    func() float64            // in microseconds
	ids    atomic.Uint64
}

// longAgo is where the monotonic clock begins, so that no meter sees a window before the first.
const longAgo = float64(maxSpan / time.Microsecond)

// newLocal gives each of the replicas its share of every limit. A share is at least one permit, or a small limit would
// deny everything.
func newLocal(parts []part, replicas, keys int) *local {
	began := time.Now()
	l := &local{meters: lru.New[string, []meter](keys), now: func() float64 { return micros(time.Since(began)) + longAgo }}
	for _, p := range parts {
		p.limit = max(1, p.limit/replicas)
		if p.algorithm == tokenBucket {
			p.unit *= float64(replicas)
		}
		l.parts = append(l.parts, p)
	}
	return l
}

func (l *local) newMeters() []meter {
	meters := make([]meter, len(l.parts))
	for i, p := range l.parts {
		meters[i] = p.algorithm.local(p)
	}
	return meters
}

// localCost is what a request takes of a part. More than the share is never free, so such a request takes all of it.
func localCost(p part, n int) float64 { return float64(min(n, p.limit)) }

// take decides on n permits, and charges them if all parts allow it.
func (l *local) take(hashTag string, n int) (read []reading, at float64, id uint64) {
	read, id = make([]reading, len(l.parts)), l.ids.Add(1)
	l.meters.With(hashTag, l.newMeters, func(meters *[]meter) {
		at = l.now()
		free := true
		for i, m := range *meters {
			read[i].due = m.wait(at, localCost(l.parts[i], n))
			free = free && read[i].due <= 0
		}
		for i, m := range *meters {
			if free && n > 0 {
				m.take(at, localCost(l.parts[i], n), id)
			}
			read[i].left, read[i].reset = m.left(at), m.reset(at)
			if read[i].left < float64(l.parts[i].limit) {
				read[i].next = m.wait(at, read[i].left+1)
			}
		}
	})
	return read, at, id
}

// give takes a charge back, or only its leases.
func (l *local) give(c charge, onlyLeases bool) {
	l.meters.With(c.hashTag, nil, func(meters *[]meter) {
		for i, m := range *meters {
			if p := l.parts[i]; !onlyLeases || p.algorithm == leases {
				m.give(l.now(), c.at, localCost(p, c.n), c.local)
			}
		}
	})
}

// renew moves the leases of a charge to now. One that has expired or was forgotten is taken back if there is room. It
// reports whether all stand.
func (l *local) renew(c charge) (held bool) {
	held = true
	l.meters.With(c.hashTag, l.newMeters, func(meters *[]meter) {
		for i, m := range *meters {
			if p := l.parts[i]; p.algorithm == leases {
				held = m.(*logMeter).renew(l.now(), localCost(p, c.n), c.local) && held
			}
		}
	})
	return held
}

func (l *local) remove(hashTag string) { l.meters.Remove(hashTag) }
