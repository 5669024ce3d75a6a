package consistency

import (
	"context"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/setup"
	"github.com/jollyjet/aside/store"
)

// Monitor compares a sample of a cache's hits with the source in the background, and reports what the cache has counted
// over time. Its results are part of [store.Store.Stats], and so of the metrics of package metrics. It is safe for
// concurrent use.
type Monitor struct {
	st       *store.Store
	name     string // of the cache
	began    time.Time
	windows  []time.Duration
	classes  *classes
	findings *findings
	history  *countsHistory
	close    func()
}

// NewMonitor attaches a monitor to a cache.
//
// For each sampled hit it copies the key, the bytes read from Redis, and the values of the caller's context. Goroutines
// of its own do the rest: they call the loader, and if the answers differ, compare both sides again after [Grace]. Hits
// beyond [Rate] and [Concurrency] are dropped and counted.
//
// The monitor runs until it is closed or the store is. NewMonitor panics if the cache is nil or an option does not fit.
func NewMonitor[K comparable, V any](c Cache[K, V], opts ...Option) *Monitor {
	if setup.IsNil(c) {
		panic("consistency: NewMonitor: the cache is nil")
	}
	s := settingsOf(forMonitor, 200, 10*time.Second, opts)
	m := &Monitor{
		st: c.Store(), name: c.Entries().Name(), began: time.Now(), windows: s.windows, findings: newFindings(s.keep),
		history: &countsHistory{keep: slices.Max(s.windows)},
	}
	m.classes = newClasses(max(spanInGraces*s.grace, leastSpan), c.Entries().CountUnrepeating)
	k := newChecker(c, &s, m.classes, m.findings)
	m.history.add(countsNow(m.st.Stats()))
	detach := c.OnHit(s.fraction, k.sample)
	m.close = background(m.st, "monitor of "+m.name, detach, append(k.work(), m.recordCounts)...)
	return m
}

// recordCounts adds points to the history until ctx ends.
func (m *Monitor) recordCounts(ctx context.Context) {
	for pause.For(ctx, slices.Min(m.windows)/12) {
		m.history.add(countsNow(m.st.Stats()))
	}
}

// Report returns the findings so far, and the counts within the spans of [Windows].
func (m *Monitor) Report() Report {
	now := countsNow(m.st.Stats())
	name := m.name
	r := Report{
		Namespace: m.st.Namespace(), Cache: name, At: now.at, Since: m.began, Total: now.caches[name],
	}
	for _, span := range m.windows {
		counts, covers := m.history.since(now, span)
		c := counts[name]
		r.Windows = append(r.Windows, Window{
			Span: span, Covers: covers, HitRatio: c.HitRatio(), WrongRatio: c.WrongRatio(), Counts: c,
		})
	}
	r.Classes, r.Findings = m.classes.sorted(), m.findings.report()
	return r
}

// Close detaches the monitor and waits for the comparisons in progress, but not for calls of the loader, and for 5 s at
// most if a function of yours does not return. Its counts remain. Close may be called more than once.
func (m *Monitor) Close() {
	m.close()
	m.classes.forget()
}
