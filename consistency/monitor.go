package consistency

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/store"
)

// Monitor compares a part of a cache's hits with the source, in the background, and looks back on what the cache has
// counted. What it finds is part of [store.Store.Stats], and so of what package metrics shows. It is safe for concurrent
// use.
type Monitor struct {
	space   *store.Space
	began   time.Time
	windows []time.Duration
	ledger  *ledger
	history *history
	close   func()
}

// patience bounds one comparison, so that a source that hangs does not keep a place for long.
const patience = 10 * time.Second

// maxSamples is how many hits wait to be compared at most.
const maxSamples = 64

// NewMonitor attaches a monitor to a cache. For a hit that is chosen it keeps the key, the bytes read from Redis, and the
// values of the caller's context, and does the rest in goroutines of its own: it calls the loader, and, if the two
// differ, looks again at both when [Grace] is over. What is too much for [Rate] and [Concurrency] is dropped and counted.
//
// It works until it is closed, or the store is. NewMonitor panics on a nil cache and on options that do not fit.
func NewMonitor[K comparable, V any](c Cache[K, V], options ...Option) *Monitor {
	if isNil(c) {
		panic("consistency: NewMonitor: the cache is nil")
	}
	s := settingsOf(forMonitor, 200, options)
	m := &Monitor{
		space: c.Space(), began: time.Now(), windows: s.windows, ledger: newLedger(s.keep),
		history: &history{keep: slices.Max(s.windows)},
	}
	p := &prober[K, V]{
		comparer: newComparer(forMonitor, c, s), monitor: m, pace: newPacer(s.rate),
		samples: make(chan sample[K], maxSamples), due: make(chan *suspicion[K]), pending: newPending[K](s.grace),
	}
	m.history.add(markOf(m.space.Store().Stats()))
	detach := c.OnHit(s.fraction, p.chosen)
	m.close = background(m.space.Store(), "monitor of "+m.space.Name(), detach, append(p.run(), m.remember)...)
	return m
}

// remember takes a mark now and then.
func (m *Monitor) remember(ctx context.Context) {
	for pause.For(ctx, slices.Min(m.windows)/12) {
		m.history.add(markOf(m.space.Store().Stats()))
	}
}

// Close detaches the monitor and waits for the comparison that is under way. What it has counted stays. Further calls do
// nothing.
func (m *Monitor) Close() { m.close() }

// prober is what of a monitor depends on the types of the cache.
type prober[K comparable, V any] struct {
	comparer[K, V]
	monitor *Monitor
	pace    *pacer
	samples chan sample[K]
	due     chan *suspicion[K]
	pending *pending[K]
}

// sample is a hit that was chosen.
type sample[K comparable] struct {
	ctx  context.Context //nolint:containedctx // of the reader, for its values
	key  K
	seen store.Copy // the zero Copy if this process had it
}

// chosen is told of the hits that were chosen.
func (p *prober[K, V]) chosen(ctx context.Context, key K, seen store.Copy) {
	if len(p.samples) < cap(p.samples) { // this costs less than a vain try
		select {
		case p.samples <- sample[K]{context.WithoutCancel(ctx), key, seen}:
			return
		default:
		}
	}
	p.monitor.space.CountChecks(store.CheckDropped, 1)
}

// run returns what the goroutines do.
func (p *prober[K, V]) run() []func(context.Context) {
	work := []func(context.Context){func(ctx context.Context) { p.pending.feed(ctx, p.due) }}
	for range p.concurrency {
		work = append(work, p.work)
	}
	return work
}

func (p *prober[K, V]) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-p.samples:
			if p.pace.wait(ctx, 1) {
				p.look(ctx, s)
			}
		case s := <-p.due:
			if p.pace.wait(ctx, 1) {
				p.lookAgain(ctx, s)
			}
		}
	}
}

// within returns a context with the values of the reader's that ends when ctx does.
func within(ctx, values context.Context) (context.Context, context.CancelFunc) {
	joined, cancel := context.WithTimeout(values, patience)
	stop := context.AfterFunc(ctx, cancel)
	return joined, func() { stop(); cancel() }
}

func (p *prober[K, V]) look(ctx context.Context, s sample[K]) {
	if p.pending.joined(s.key) {
		return
	}
	defer p.recovered(func() int64 { return 1 })
	ctx, cancel := within(ctx, s.ctx)
	defer cancel()
	seen := s.seen
	if !seen.Current() { // in this process, or it would have been told
		seen = p.cache.Look(ctx, true, s.key)[0]
	}
	verdicts, suspicions := p.first(ctx, []K{s.key}, []store.Copy{seen})
	suspicion := suspicions[0]
	switch {
	case suspicion == nil:
		p.count(s.key, verdicts[0].outcome, 1)
	case p.monitor.ledger.known(p.cache.EntryKey(s.key).String(), suspicion.entry.Version):
		p.count(s.key, store.CheckDiffers, 1)
		p.monitor.space.CountDiffered(suspicion.entry.Age)
	default:
		suspicion.ctx = s.ctx
		if !p.pending.add(suspicion) {
			p.count(s.key, store.CheckDropped, 1)
		}
	}
}

func (p *prober[K, V]) lookAgain(ctx context.Context, s *suspicion[K]) {
	defer p.recovered(func() int64 { p.pending.concluded(s); return s.hits })
	inner, cancel := within(ctx, s.ctx)
	defer cancel()
	v := p.again(inner, true, []*suspicion[K]{s})[0]
	if v.pending {
		p.pending.add(s)
		return
	}
	if v.outcome == store.CheckDiffers {
		p.found(inner, s)
		return
	}
	p.pending.concluded(s)
	p.count(s.key, v.outcome, s.hits)
}

// found deals with an entry that is wrong.
func (p *prober[K, V]) found(ctx context.Context, s *suspicion[K]) {
	f := p.finding(s)
	if p.fix {
		f.Repaired = p.repair(ctx, s.key)
	}
	p.pending.concluded(s)
	f.Hits = s.hits
	news := p.monitor.ledger.add(f)
	p.count(s.key, store.CheckDiffers, s.hits)
	p.monitor.space.CountDiffered(time.Duration(s.hits) * f.MaxAge)
	if news {
		p.tell(f)
	}
}

func (p *prober[K, V]) tell(f Finding) {
	defer p.recovered(func() int64 { return 0 })
	if p.settings.found != nil {
		p.settings.found(f)
	}
}

func (p *prober[K, V]) repair(ctx context.Context, key K) bool {
	if err := p.cache.Evict(ctx, key); err != nil {
		return false // it is queued
	}
	p.monitor.space.CountRepaired()
	if p.reload {
		_, _ = p.cache.Refresh(ctx, key) // the next read will load
	}
	return true
}

func (p *prober[K, V]) count(key K, outcome store.Check, hits int64) {
	if outcome == store.CheckEqual || outcome == store.CheckDiffers {
		p.monitor.ledger.count(p.classOf(key), outcome == store.CheckDiffers, hits)
	}
	p.monitor.space.CountChecks(outcome, hits)
}

// recovered keeps a function of the user's that panics from ending the monitor. The answers that were being compared
// have failed to be.
func (p *prober[K, V]) recovered(failed func() int64) {
	if value := recover(); value != nil {
		p.monitor.space.Store().Recovered("monitor of "+p.monitor.space.Name(), value)
		p.monitor.space.CountChecks(store.CheckFailed, failed())
	}
}

func isNil(c any) bool {
	v := reflect.ValueOf(c)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}
