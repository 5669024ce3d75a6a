package consistency

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/store"
)

// steps of an audit: how many keys a master looks at in one, and how many entries are compared at once.
const (
	scanCount  = 1000
	auditBatch = 250
)

// Audit compares every entry of a cache with the source, by walking all masters. Entries are read in batches, and where
// the cache is a Many the loader is called once for each batch. Differences are looked at again as those of a monitor
// are. Entries that are loaded or moved between masters while it runs may be missed, and some may be compared twice.
//
// The report is good also beside an error, and its Position is where to [Resume]. Errors wrap store.ErrUnavailable if
// Redis did not answer, or are those of ctx. That the source does not answer is no error: it is counted as failed. Audit
// panics on a nil cache and on options that do not fit.
func Audit[K comparable, V any](ctx context.Context, c Cache[K, V], options ...Option) (AuditReport, error) {
	if isNil(c) {
		panic("consistency: Audit: the cache is nil")
	}
	s := settingsOf(forAudit, 1000, options)
	a := &auditor[K, V]{
		comparer: newComparer(forAudit, c, s), pace: newPacer(s.rate), classes: make(classes), began: time.Now(),
		parse: typed[func(string) (K, error)](forAudit, "ParseKey", s.parseKey),
	}
	a.report = AuditReport{Namespace: c.Space().Store().Namespace(), Cache: c.Space().Name(), Position: s.from}
	err := a.walk(ctx)
	a.sum()
	return a.report, err
}

type auditor[K comparable, V any] struct {
	comparer[K, V]
	pace    *pacer
	parse   func(string) (K, error)
	classes classes
	began   time.Time
	report  AuditReport
}

func (a *auditor[K, V]) walk(ctx context.Context) error {
	for step, err := range a.cache.Space().Walk(ctx, a.from, scanCount) {
		if err != nil {
			return fmt.Errorf("consistency: audit of %s: %w", a.report.Cache, err)
		}
		if err := a.step(ctx, step.Keys); err != nil {
			return fmt.Errorf("consistency: audit of %s: %w", a.report.Cache, err)
		}
		a.report.Position, a.report.Masters, a.report.Walked = step.Position, step.Masters, step.Done
		if a.progress != nil {
			a.sum()
			a.progress(a.report)
		}
	}
	a.report.Done, a.report.Position = true, store.Position{}
	return nil
}

// sum completes the report.
func (a *auditor[K, V]) sum() {
	a.report.Took, a.report.Classes = time.Since(a.began), a.classes.sorted()
}

// step compares the entries of one step of the walk.
func (a *auditor[K, V]) step(ctx context.Context, found []store.Key) error {
	keys := a.parsed(found)
	if !a.pace.wait(ctx, 1) { // an empty step costs Redis something, too
		return ctx.Err()
	}
	for len(keys) > 0 {
		batch := keys[:min(len(keys), auditBatch)]
		if !a.pace.wait(ctx, len(batch)) {
			return ctx.Err()
		}
		if err := a.compare(ctx, batch); err != nil {
			return err
		}
		keys = keys[len(batch):]
	}
	return nil
}

// parsed turns the keys of entries into arguments of the loader.
func (a *auditor[K, V]) parsed(found []store.Key) []K {
	keys := make([]K, 0, len(found))
	for _, key := range found {
		a.report.Entries++
		if k, ok := a.parsedOne(key); ok {
			keys = append(keys, k)
		} else {
			a.report.Unknown++
		}
	}
	return keys
}

func (a *auditor[K, V]) parsedOne(key store.Key) (k K, ok bool) {
	if a.parse == nil {
		return a.cache.ParseKey(key)
	}
	parts, ok := a.cache.Space().Parts(key)
	if !ok {
		return k, false
	}
	k, err := a.parse(parts[0])
	return k, err == nil && a.cache.EntryKey(k) == key
}

// compare compares a batch to the end: as long as some differ and may be explained it waits for the grace.
func (a *auditor[K, V]) compare(ctx context.Context, keys []K) error {
	verdicts, suspicions := a.first(ctx, keys, a.cache.Look(ctx, false, keys...))
	var open []*suspicion[K]
	for i, v := range verdicts {
		if v.pending {
			open = append(open, suspicions[i])
			continue
		}
		if err := a.conclude(ctx, keys[i], v); err != nil {
			return err
		}
	}
	for len(open) > 0 {
		if !pause.For(ctx, a.grace) || !a.pace.wait(ctx, len(open)) {
			return ctx.Err()
		}
		var err error
		if open, err = a.compareAgain(ctx, open); err != nil {
			return err
		}
	}
	return nil
}

// compareAgain looks at suspicions again, and returns those that are still open.
func (a *auditor[K, V]) compareAgain(ctx context.Context, suspicions []*suspicion[K]) (open []*suspicion[K], err error) {
	for i, v := range a.again(ctx, false, suspicions) {
		if v.pending {
			open = append(open, suspicions[i])
			continue
		}
		if err := a.conclude(ctx, suspicions[i].key, v); err != nil {
			return nil, err
		}
		if v.outcome == store.CheckDiffers {
			a.found(ctx, suspicions[i])
		}
	}
	return open, nil
}

// conclude counts an outcome. It returns an error if the audit can't go on.
func (a *auditor[K, V]) conclude(ctx context.Context, key K, v verdict) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(v.err, store.ErrUnavailable) {
		return v.err
	}
	a.report.count(v)
	if v.outcome == store.CheckEqual || v.outcome == store.CheckDiffers {
		a.classes.count(a.classOf(key), v.outcome == store.CheckDiffers, 1)
	}
	return nil
}

func (a *auditor[K, V]) found(ctx context.Context, s *suspicion[K]) {
	f := a.finding(s)
	if a.fix && a.cache.Evict(ctx, s.key) == nil { // otherwise it is queued
		f.Repaired = true
		a.report.Checks.Repaired++
	}
	a.report.Checks.DifferedFor += f.MaxAge
	if len(a.report.Findings) < a.keep {
		a.report.Findings = append(a.report.Findings, f)
	}
	if a.settings.found != nil {
		a.settings.found(f)
	}
}
