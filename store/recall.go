package store

import "time"

// memory holds evictions that Redis has confirmed lately, for when it comes back with older data. It is a part of the
// queue, and guarded by its lock.
type memory struct {
	ages []*age // oldest first
	n    int
}

// age is what was confirmed in one stretch of time.
type age struct {
	began, ended time.Time
	evictions    map[string]eviction
}

// ages is into how many stretches the time is divided for which evictions are remembered.
const ages = 8

// confirmed takes note of the evictions that Redis has carried out, at a time when the epoch was still this one. If another
// has begun since, they may be undone already.
func (q *queue) confirmed(keys []Key, calls []*call, epoch uint64, e eviction) {
	q.mu.Lock()
	defer q.mu.Unlock()
	undone := epoch != q.epoch.Load()
	var changed []string
	for i, key := range keys {
		switch {
		case calls[i].Err() != nil:
		case undone:
			if changed == nil {
				q.failures++
			}
			changed = append(changed, key.addr)
			q.put(key.addr, e)
		default:
			q.remember(key.addr, e)
		}
	}
	if undone {
		q.st.stats.recalled.Add(int64(len(changed)))
		q.kept(changed)
	}
}

// remember is called with mu held. Where everything is distrusted only holds have to be remembered.
func (q *queue) remember(addr string, e eviction) {
	if q.st.cfg.distrust && e.until.IsZero() {
		return
	}
	m, now := &q.done, time.Now()
	if len(m.ages) == 0 || now.Sub(m.ages[len(m.ages)-1].began) > q.st.cfg.remember/ages {
		m.ages = append(m.ages, &age{began: now, evictions: make(map[string]eviction)})
	}
	m.ages[len(m.ages)-1].ended = now
	m.put(addr, e)
	if m.n > q.st.cfg.queue {
		m.coarsen(q.st.everything.key.addr)
	}
}

// put adds an eviction to the last age.
func (m *memory) put(addr string, e eviction) {
	last := m.ages[len(m.ages)-1].evictions
	earlier, ok := last[addr]
	if !ok {
		m.n++
	}
	last[addr] = e.after(earlier)
}

// coarsen replaces all evictions by one of everything.
func (m *memory) coarsen(everything string) {
	last := m.ages[len(m.ages)-1]
	all := memory{ages: []*age{{began: last.began, ended: last.ended, evictions: make(map[string]eviction)}}}
	for _, a := range m.ages {
		for _, e := range a.evictions {
			all.put(everything, eviction{until: e.until})
		}
	}
	*m = all
}

// reviewed is called when all masters were found to be well at a moment. What was confirmed long before that is durable by
// now; while a master is away nothing is forgotten.
func (q *queue) reviewed(well time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	m, before := &q.done, well.Add(-q.st.cfg.remember)
	for len(m.ages) > 0 && m.ages[0].ended.Before(before) {
		m.n -= len(m.ages[0].evictions)
		m.ages = m.ages[1:]
	}
}

// any reports whether there are evictions that wait, or that are remembered.
func (q *queue) any() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.keys)+q.done.n > 0
}

// recall queues the evictions that Redis may have undone: those that are remembered, or everything. What is queued already
// has to be carried out by the Redis of now. It returns how many evictions of late are repeated.
func (q *queue) recall() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.epoch.Add(1)
	q.failures++
	for addr, w := range q.keys {
		q.keys[addr] = waiting{q.failures, w.eviction}
	}
	for _, a := range q.done.ages {
		for addr, e := range a.evictions {
			q.put(addr, e)
			n++
		}
	}
	if q.st.cfg.distrust {
		q.put(q.st.everything.key.addr, eviction{})
		n++
	}
	q.done = memory{}
	q.st.stats.recalled.Add(int64(n))
	q.keptAll()
	return n
}
