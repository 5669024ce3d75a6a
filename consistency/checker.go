package consistency

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/entry"
)

const maxSampledHits = 64 // sampled hits that may wait for a worker

// checker compares the sampled hits of a monitor. Each worker takes a sampled hit, or a mismatch whose grace is over,
// and compares it. Its only shared state is in classes, findings, limiter and rechecks, each with a lock of its own; no lock is
// held while another is taken or while a function of the user's runs.
type checker[K comparable, V any] struct {
	cache    Cache[K, V]
	entries  *entry.Cache
	settings *settings
	comparer comparer[K, V]
	describe describer[K, V]
	limiter  *limiter
	classes  *classes
	findings *findings
	hits     chan sampledHit[K]
	due      chan *mismatch[K]
	rechecks *recheckQueue[K]
}

type sampledHit[K comparable] struct {
	ctx  context.Context //nolint:containedctx // of the reader, for its values
	key  K
	seen entry.Sample // the zero Sample if the value was kept in this process
}

func newChecker[K comparable, V any](c Cache[K, V], s *settings, all *classes, f *findings) *checker[K, V] {
	describe, limiter := newDescriber(forMonitor, c, s), newLimiter(s.rate)
	return &checker[K, V]{
		cache: c, entries: c.Entries(), settings: s, classes: all, findings: f,
		comparer: newComparer(forMonitor, c, s, limiter, all, &describe), describe: describe, limiter: limiter,
		hits: make(chan sampledHit[K], maxSampledHits), due: make(chan *mismatch[K]), rechecks: newRecheckQueue[K](),
	}
}

// sample receives the sampled hits, in the goroutines of the readers. It never blocks.
func (c *checker[K, V]) sample(ctx context.Context, key K, seen entry.Sample) {
	if c.comparer.source.full() {
		c.entries.CountChecks(entry.CheckSkipped, 1)
		return
	}
	if len(c.hits) < cap(c.hits) { // cheaper than a context and a select in vain
		select {
		case c.hits <- sampledHit[K]{context.WithoutCancel(ctx), key, seen}:
			return
		default:
		}
	}
	c.entries.CountChecks(entry.CheckDropped, 1)
}

// work returns the functions to run in the background.
func (c *checker[K, V]) work() []func(context.Context) {
	work := []func(context.Context){func(ctx context.Context) { c.rechecks.run(ctx, c.due) }}
	for range c.settings.concurrency {
		work = append(work, c.worker)
	}
	return work
}

func (c *checker[K, V]) worker(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case hit := <-c.hits:
			if c.limiter.wait(ctx, 1) {
				c.check(ctx, hit)
			}
		case m := <-c.due:
			if c.limiter.wait(ctx, 1) {
				c.recheck(ctx, m)
			}
		}
	}
}

// withValues returns a context with the values of the reader's context. It ends with ctx.
func withValues(ctx, values context.Context) (context.Context, context.CancelFunc) {
	joined, cancel := context.WithCancel(values)
	stop := context.AfterFunc(ctx, cancel)
	return joined, func() { stop(); cancel() }
}

// check compares a sampled hit for the first time.
func (c *checker[K, V]) check(ctx context.Context, hit sampledHit[K]) {
	if c.rechecks.join(hit.key) {
		return
	}
	defer c.recovered(func() int64 { return 1 })
	ctx, cancel := withValues(ctx, hit.ctx)
	defer cancel()
	seen := hit.seen
	if !seen.Current() { // the value was kept in this process
		seen = c.cache.Samples(ctx, true, hit.key)[0]
	}
	results, mismatches := c.comparer.first(ctx, []K{hit.key}, []entry.Sample{seen})
	m := mismatches[0]
	switch {
	case m == nil && results[0].outcome == entry.CheckDiffers: // for the codec's loss; evicting the entry would not help
		c.differs(c.describe.classOf(hit.key), 1, results[0].age)
	case m == nil:
		if results[0].outcome == entry.CheckEqual {
			c.classes.equal(c.describe.classOf(hit.key), results[0].age)
		}
		c.entries.CountChecks(results[0].outcome, 1)
	case !c.settings.fix && !m.unsteady && c.classes.repeating(m.class) && c.findings.known(c.cache.EntryKey(hit.key).String(), m.cached.Token):
		c.differs(m.class, 1, m.cached.Age)
	default:
		m.ctx = hit.ctx
		if !c.rechecks.add(m, c.settings.grace) {
			c.entries.CountChecks(entry.CheckDropped, 1)
		}
	}
}

// recheck compares a mismatch again.
func (c *checker[K, V]) recheck(ctx context.Context, m *mismatch[K]) {
	defer c.recovered(func() int64 { c.rechecks.remove(m); return m.hits })
	inner, cancel := withValues(ctx, m.ctx)
	defer cancel()
	result := c.comparer.again(inner, true, []*mismatch[K]{m})[0]
	if result.recheck {
		c.rechecks.add(m, c.comparer.pause(m, c.settings.grace))
		return
	}
	logUnrepeating(c.entries, c.classes)
	if result.outcome == entry.CheckDiffers {
		c.found(inner, m)
		return
	}
	c.rechecks.remove(m)
	c.entries.CountChecks(result.outcome, m.hits)
}

// found handles a confirmed mismatch.
func (c *checker[K, V]) found(ctx context.Context, m *mismatch[K]) {
	f := c.describe.finding(m)
	if c.settings.fix && m.repair {
		f.Repaired = c.repair(ctx, m.key)
	}
	c.rechecks.remove(m)
	f.Hits = m.hits
	isNew := c.findings.add(f)
	c.differs(m.class, m.hits, f.MaxAge)
	if isNew {
		c.report(f)
	}
}

func (c *checker[K, V]) report(f Finding) {
	defer c.recovered(func() int64 { return 0 })
	if c.settings.onFinding != nil {
		c.settings.onFinding(f)
	}
}

func (c *checker[K, V]) repair(ctx context.Context, key K) bool {
	if err := c.cache.Evict(ctx, key); err != nil {
		return false // the eviction is queued
	}
	c.entries.CountRepaired()
	if c.settings.reload {
		c.comparer.source.refresh(ctx, key)
	}
	return true
}

// differs counts hits that were wrong for so long, each.
func (c *checker[K, V]) differs(class string, hits int64, age time.Duration) {
	c.classes.wrong(class, hits)
	c.entries.CountChecks(entry.CheckDiffers, hits)
	c.entries.CountDiffered(time.Duration(hits) * age)
}

// recovered, when deferred, lets the monitor survive a panic of a user's function. The hits being compared count as
// failed.
func (c *checker[K, V]) recovered(hits func() int64) {
	if value := recover(); value != nil {
		c.entries.Lifecycle().Recovered("monitor of "+c.entries.Name(), value)
		c.entries.CountChecks(entry.CheckFailed, hits())
	}
}
