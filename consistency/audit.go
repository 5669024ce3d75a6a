package consistency

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/setup"
	"github.com/jollyjet/aside/store"
)

const (
	scanCount  = 1000 // keys that a master visits in one step of the walk
	auditBatch = 250  // entries that are compared together
)

// Audit compares every entry of a cache with the source, by walking all masters. It reads entries in batches; if the
// cache is a Many, it calls the loader once for each batch. Entries that differ are compared again, as by a monitor.
// Entries that are loaded, or moved between masters, during the audit may be missed, and some may be compared twice.
//
// After an error the report is still valid, and its Position is where to [Resume]. An error is that of ctx, or wraps
// store.ErrUnavailable if Redis did not answer. A source that does not answer is not an error: its entries count as
// failed. Audit panics if the cache is nil or an option does not fit.
func Audit[K comparable, V any](ctx context.Context, c Cache[K, V], opts ...Option) (AuditReport, error) {
	if setup.IsNil(c) {
		panic("consistency: Audit: the cache is nil")
	}
	s := settingsOf(forAudit, 1000, time.Minute, opts)
	describe, limiter := newDescriber(forAudit, c, &s), newLimiter(s.rate)
	all := newClasses(spanInGraces*s.grace, c.Entries().CountUnrepeating)
	defer all.forget()
	a := &auditor[K, V]{
		cache: c, settings: &s, comparer: newComparer(forAudit, c, &s, limiter, all, &describe), describe: describe,
		limiter: limiter, classes: all, began: time.Now(),
		parse: setup.Typed[func(string) (K, error)](options, forAudit, "ParseKey", s.parseKey),
	}
	a.report = AuditReport{Namespace: c.Store().Namespace(), Cache: c.Entries().Name(), Position: s.from}
	err := a.walk(ctx)
	a.completeReport()
	return a.report, err
}

// auditor is an audit in progress. One goroutine uses it, so it needs no lock.
type auditor[K comparable, V any] struct {
	cache    Cache[K, V]
	settings *settings
	comparer comparer[K, V]
	describe describer[K, V]
	limiter  *limiter
	parse    func(string) (K, error)
	classes  *classes
	began    time.Time
	report   AuditReport
}

func (a *auditor[K, V]) walk(ctx context.Context) error {
	for step, err := range a.cache.Store().Engine().Scanner.Walk(ctx, a.cache.Entries().Keys(), a.settings.from, scanCount) {
		if err != nil {
			return fmt.Errorf("consistency: audit of %s: %w", a.report.Cache, err)
		}
		if err := a.step(ctx, step.Keys); err != nil {
			return fmt.Errorf("consistency: audit of %s: %w", a.report.Cache, err)
		}
		a.report.Position, a.report.Masters, a.report.Walked = step.Position, step.Masters, step.Done
		if a.settings.progress != nil {
			a.completeReport()
			a.settings.progress(a.report)
		}
	}
	a.report.Done, a.report.Position = true, Position{}
	return nil
}

// completeReport sets the fields of the report that are not counted as the audit goes.
func (a *auditor[K, V]) completeReport() {
	a.report.Took, a.report.Classes = time.Since(a.began), a.classes.sorted()
	k := &a.report.Checks
	k.Hung, k.Unrepeating = a.comparer.source.hung.Load(), 0
	for _, class := range a.report.Classes {
		if class.Status != "" {
			k.Unrepeating++
		}
	}
	_, k.Hanging = a.cache.Entries().Hung()
}

// step compares the entries of one step of the walk.
func (a *auditor[K, V]) step(ctx context.Context, found []store.Key) error {
	keys := a.parseAll(found)
	if !a.limiter.wait(ctx, 1) { // a step without entries costs Redis something, too
		return ctx.Err()
	}
	for len(keys) > 0 {
		batch := keys[:min(len(keys), auditBatch)]
		if !a.limiter.wait(ctx, len(batch)) {
			return ctx.Err()
		}
		if err := a.compare(ctx, batch); err != nil {
			return err
		}
		keys = keys[len(batch):]
	}
	return nil
}

// parseAll turns the keys of entries into arguments of the loader, and counts both.
func (a *auditor[K, V]) parseAll(found []store.Key) []K {
	keys := make([]K, 0, len(found))
	for _, key := range found {
		a.report.Entries++
		if k, ok := a.parseKey(key); ok {
			keys = append(keys, k)
		} else {
			a.report.Unknown++
		}
	}
	return keys
}

func (a *auditor[K, V]) parseKey(key store.Key) (k K, ok bool) {
	if a.parse == nil {
		return a.cache.ParseKey(key)
	}
	parts, ok := a.cache.Entries().Parts(key)
	if !ok {
		return k, false
	}
	k, err := a.parse(parts[0])
	return k, err == nil && a.cache.EntryKey(k) == key
}

// compare compares a batch, and rechecks its mismatches until each has an outcome.
func (a *auditor[K, V]) compare(ctx context.Context, keys []K) error {
	results, mismatches := a.comparer.first(ctx, keys, a.cache.Samples(ctx, false, keys...))
	var open []*mismatch[K]
	for i, result := range results {
		if result.recheck {
			open = append(open, mismatches[i])
			continue
		}
		if err := a.conclude(ctx, keys[i], result); err != nil {
			return err
		}
	}
	for len(open) > 0 {
		if !pause.For(ctx, a.settings.grace) || !a.limiter.wait(ctx, len(open)) {
			return ctx.Err()
		}
		var err error
		if open, err = a.recheck(ctx, open); err != nil {
			return err
		}
	}
	return nil
}

// recheck compares mismatches again, and returns those that are still open.
func (a *auditor[K, V]) recheck(ctx context.Context, mismatches []*mismatch[K]) (open []*mismatch[K], err error) {
	for i, result := range a.comparer.again(ctx, false, mismatches) {
		if result.recheck {
			open = append(open, mismatches[i])
			continue
		}
		if err := a.conclude(ctx, mismatches[i].key, result); err != nil {
			return nil, err
		}
		if result.outcome == entry.CheckDiffers {
			a.found(ctx, mismatches[i])
		}
	}
	logUnrepeating(a.cache.Entries(), a.classes)
	return open, nil
}

// conclude counts the outcome of a key. It returns an error if the audit can't continue.
func (a *auditor[K, V]) conclude(ctx context.Context, key K, result comparison) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(result.err, store.ErrUnavailable) {
		return result.err
	}
	a.count(result)
	switch result.outcome {
	case entry.CheckEqual:
		a.classes.equal(a.describe.classOf(key), result.age)
	case entry.CheckDiffers:
		a.classes.wrong(a.describe.classOf(key), 1)
	}
	return nil
}

func (a *auditor[K, V]) count(result comparison) {
	c := &a.report.Checks
	switch result.outcome {
	case entry.CheckEqual:
		c.Equal++
	case entry.CheckDiffers:
		c.Differs++
	case entry.CheckExplained:
		c.Explained++
	case entry.CheckUnsettled:
		c.Unsettled++
	case entry.CheckGone:
		c.Gone++
	case entry.CheckSkipped:
		c.Skipped++
		a.report.Problem = result.err.Error()
	default:
		c.Failed++
		if result.err != nil {
			a.report.Problem = result.err.Error()
		}
	}
}

// found handles a confirmed mismatch.
func (a *auditor[K, V]) found(ctx context.Context, m *mismatch[K]) {
	f := a.describe.finding(m)
	if a.settings.fix && m.repair && a.cache.Evict(ctx, m.key) == nil { // after an error the eviction is queued
		f.Repaired = true
		a.report.Checks.Repaired++
	}
	a.report.Checks.DifferedFor += f.MaxAge
	if len(a.report.Findings) < a.settings.keep {
		a.report.Findings = append(a.report.Findings, f)
	}
	if a.settings.onFinding != nil {
		a.settings.onFinding(f)
	}
}
