package consistency

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/setup"
)

// maxComparisons bounds how often an entry is compared, Grace apart, while the source keeps changing its answer.
const maxComparisons = 3

var errUndecodable = errors.New("consistency: the codec can't decode what it has encoded")

// comparer compares entries of a cache with the source.
type comparer[K comparable, V any] struct {
	cache    Cache[K, V]
	source   *source[K, V]
	limiter  *limiter
	classes  *classes
	classOf  func(K) string
	equal    func(V, V) bool
	tolerate time.Duration
}

func newComparer[K comparable, V any](what string, c Cache[K, V], s *settings, l *limiter, all *classes, d *describer[K, V]) comparer[K, V] {
	equal := setup.Typed[func(V, V) bool](options, what, "Equal", s.equal)
	if own, ok := c.(equalCache[V]); ok && equal == nil {
		equal = own.Equality()
	}
	if equal == nil {
		equal = equivalent[V]
	}
	return comparer[K, V]{
		cache: c, source: newSource(c, s), limiter: l, classes: all, classOf: d.classOf, equal: equal, tolerate: s.tolerate,
	}
}

// first compares entries with the source. Results and mismatches are in the order of the keys; where a result needs no
// recheck, the mismatch is nil.
func (c *comparer[K, V]) first(ctx context.Context, keys []K, entries []entry.Sample) ([]comparison, []*mismatch[K]) {
	results, mismatches := make([]comparison, len(keys)), make([]*mismatch[K], len(keys))
	var current []K
	var indexes []int // of current in keys
	for i := range entries {
		switch cached := &entries[i]; {
		case cached.Err != nil:
			results[i] = failed(cached.Err)
		case !cached.Current():
			results[i].outcome = entry.CheckGone
		default:
			current, indexes = append(current, keys[i]), append(indexes, i)
		}
	}
	if len(current) == 0 {
		return results, mismatches
	}
	began := time.Now()
	var open []*mismatch[K]
	for n, loaded := range c.source.loadAll(ctx, current) {
		i := indexes[n]
		results[i] = c.compare(entries[i], loaded)
		if results[i].outcome == entry.CheckEqual && loaded.Lost != "" { // the entry is as good as the codec lets it be
			c.classes.lost(c.classOf(keys[i]), loaded.Lost)
			results[i].outcome = entry.CheckDiffers
		}
		if results[i].recheck {
			mismatches[i] = &mismatch[K]{
				ctx: ctx, key: keys[i], class: c.classOf(keys[i]), cached: entries[i], source: loaded, comparisons: 1,
				since: began, hits: 1,
			}
			open = append(open, mismatches[i])
		}
	}
	c.insist(ctx, open, func(*mismatch[K]) int { return asksAtFirst })
	for i, m := range mismatches {
		if m != nil && m.source.Err != nil {
			results[i], mismatches[i] = failed(m.source.Err), nil
		}
	}
	return results, mismatches
}

// insist asks again for mismatches that the source has just been asked for, until as many answers in a row agree as count
// says, or two differ.
func (c *comparer[K, V]) insist(ctx context.Context, mismatches []*mismatch[K], count func(*mismatch[K]) int) {
	for _, m := range mismatches {
		m.asked = 1
	}
	for {
		var open []*mismatch[K]
		var keys []K
		for _, m := range mismatches {
			if !m.unsteady && c.compare(m.cached, m.source).recheck && m.asked < count(m) {
				open, keys = append(open, m), append(keys, m.key)
			}
		}
		if len(open) == 0 {
			return
		}
		c.limiter.charge(len(open))
		for i, answer := range c.source.loadAll(ctx, keys) {
			m := open[i]
			if result := c.compare(m.source, answer); result.err != nil {
				m.source.Err = result.err
			} else {
				m.unsteady = result.recheck
				m.asked++
			}
		}
		mismatches = open
	}
}

// again compares mismatches once more. The source is asked before the cache: an entry that has the same version after
// that was there all the time since the first comparison.
func (c *comparer[K, V]) again(ctx context.Context, near bool, mismatches []*mismatch[K]) []comparison {
	keys, steady := make([]K, len(mismatches)), make([]*mismatch[K], 0, len(mismatches))
	var asked []K
	for i, m := range mismatches {
		keys[i], m.waited = m.key, m.unsteady
		if !m.unsteady {
			steady, asked = append(steady, m), append(asked, m.key)
		}
	}
	if len(asked) > 0 {
		for i, answer := range c.source.loadAll(ctx, asked) {
			m := steady[i]
			m.changed = m.changed || c.compare(m.source, answer).recheck
			m.source = answer
		}
		c.insist(ctx, steady, func(m *mismatch[K]) int { return c.classes.asks(m.class, time.Since(m.since), m.changed) })
	}
	entries := c.cache.Samples(ctx, near, keys...)
	results := make([]comparison, len(mismatches))
	for i, m := range mismatches {
		m.comparisons++
		results[i] = c.recompare(m, entries[i])
	}
	return results
}

// compare compares two answers, without regard to earlier ones.
func (c *comparer[K, V]) compare(a, b entry.Sample) comparison {
	if b.Err != nil {
		return failed(b.Err)
	}
	switch same, err := c.same(a, b); {
	case err != nil:
		return failed(err)
	case same:
		return comparison{outcome: entry.CheckEqual, age: a.Age}
	default:
		return again
	}
}

// recompare concludes on a mismatch after it was compared again.
func (c *comparer[K, V]) recompare(m *mismatch[K], cached entry.Sample) comparison {
	switch {
	case m.source.Err != nil:
		return failed(m.source.Err)
	case cached.Err != nil:
		return failed(cached.Err)
	case !cached.Current() || cached.Token != m.cached.Token:
		return comparison{outcome: entry.CheckExplained} // the entry was evicted or replaced in the meantime
	case m.unsteady:
		return c.unsteady(m)
	}
	m.cached.Age = cached.Age
	if result := c.compare(cached, m.source); !result.recheck {
		if result.outcome == entry.CheckEqual {
			result.outcome = entry.CheckExplained // the source was between two states, or its replicas lagged
		}
		return result
	}
	switch {
	case m.cached.Age <= c.tolerate:
		return comparison{outcome: entry.CheckExplained}
	case m.changed && m.comparisons < maxComparisons:
		return again
	}
	v := c.classes.judge(m.class, time.Since(m.since), m.asked, m.changed)
	m.repair = v.repair
	switch {
	case v.wait:
		return again
	case v.wrong:
		return comparison{outcome: entry.CheckDiffers}
	default:
		return comparison{outcome: entry.CheckUnsettled}
	}
}

// unsteady concludes on a mismatch for which the source gave two different answers in a row. A write may have come
// between the two. Then its eviction follows within the grace, unless the class is known not to repeat.
func (c *comparer[K, V]) unsteady(m *mismatch[K]) comparison {
	if !m.waited && c.classes.repeating(m.class) {
		return again
	}
	c.classes.slip(m.class)
	return comparison{outcome: entry.CheckUnsettled}
}

// pause returns how long to wait before a mismatch is compared again.
func (c *comparer[K, V]) pause(m *mismatch[K], grace time.Duration) time.Duration {
	if m.comparisons < maxComparisons {
		return grace
	}
	return max(grace, c.classes.span-time.Since(m.since))
}

// same reports whether two current copies are equal. All comparisons of values are made here.
func (c *comparer[K, V]) same(a, b entry.Sample) (bool, error) {
	if a.State != b.State || a.State == entry.Negative {
		return a.State == b.State, nil
	}
	if bytes.Equal(a.Payload, b.Payload) {
		return true, nil
	}
	va, okA := c.cache.Decode(a.Payload)
	vb, okB := c.cache.Decode(b.Payload)
	if !okA || !okB {
		return false, errUndecodable
	}
	return c.equal(va, vb), nil
}
