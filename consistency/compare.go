package consistency

import (
	"bytes"
	"context"
	"errors"
	"reflect"
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
	source   source[K, V]
	equal    func(V, V) bool
	tolerate time.Duration
}

func newComparer[K comparable, V any](what string, c Cache[K, V], s *settings) comparer[K, V] {
	equal := setup.Typed[func(V, V) bool](options, what, "Equal", s.equal)
	if equal == nil {
		equal = func(a, b V) bool { return reflect.DeepEqual(a, b) }
	}
	return comparer[K, V]{
		cache: c, source: source[K, V]{c, s.concurrency, s.absent}, equal: equal, tolerate: s.tolerate,
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
	for n, loaded := range c.source.loadAll(ctx, current) {
		i := indexes[n]
		results[i] = c.compare(entries[i], loaded)
		if results[i].recheck {
			mismatches[i] = &mismatch[K]{
				ctx: ctx, key: keys[i], cached: entries[i], source: loaded, comparisons: 1, since: began, hits: 1,
			}
		}
	}
	return results, mismatches
}

// again compares mismatches once more. The source is asked before the cache: an entry that has the same version after
// that was there all the time since the first comparison.
func (c *comparer[K, V]) again(ctx context.Context, near bool, mismatches []*mismatch[K]) []comparison {
	keys := make([]K, len(mismatches))
	for i, m := range mismatches {
		keys[i] = m.key
	}
	loaded := c.source.loadAll(ctx, keys)
	entries := c.cache.Samples(ctx, near, keys...)
	results := make([]comparison, len(mismatches))
	for i, m := range mismatches {
		m.comparisons++
		results[i] = c.recompare(ctx, m, entries[i], loaded[i])
		m.source = loaded[i]
	}
	return results
}

// compare compares an entry with the source, without regard to earlier comparisons.
func (c *comparer[K, V]) compare(cached, loaded entry.Sample) comparison {
	if loaded.Err != nil {
		return failed(loaded.Err)
	}
	switch same, err := c.same(cached, loaded); {
	case err != nil:
		return failed(err)
	case same:
		return comparison{outcome: entry.CheckEqual}
	default:
		return comparison{recheck: true}
	}
}

// recompare compares the entry of a mismatch again.
func (c *comparer[K, V]) recompare(ctx context.Context, m *mismatch[K], cached, loaded entry.Sample) comparison {
	switch {
	case loaded.Err != nil:
		return failed(loaded.Err)
	case cached.Err != nil:
		return failed(cached.Err)
	case !cached.Current() || cached.Token != m.cached.Token:
		return comparison{outcome: entry.CheckExplained} // the entry was evicted or replaced in the meantime
	}
	m.cached.Age = cached.Age
	if result := c.compare(cached, loaded); !result.recheck {
		if result.outcome == entry.CheckEqual {
			result.outcome = entry.CheckExplained // the source was between two states, or its replicas lagged
		}
		return result
	}
	return c.conclude(ctx, m, loaded)
}

// conclude decides on a mismatch that has lasted for the grace: the source must give the same answer twice.
func (c *comparer[K, V]) conclude(ctx context.Context, m *mismatch[K], loaded entry.Sample) comparison {
	steady, err := c.same(m.source, loaded)
	if err == nil && !steady {
		if m.comparisons < maxComparisons {
			return comparison{recheck: true}
		}
		again := c.source.load(ctx, m.key)
		if again.Err != nil {
			return failed(again.Err)
		}
		steady, err = c.same(loaded, again)
	}
	switch {
	case err != nil:
		return failed(err)
	case !steady:
		return comparison{outcome: entry.CheckUnsettled}
	case m.cached.Age <= c.tolerate:
		return comparison{outcome: entry.CheckExplained}
	default:
		return comparison{outcome: entry.CheckDiffers}
	}
}

// same reports whether two current copies are equal.
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
