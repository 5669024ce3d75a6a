package cacheable

import (
	"context"
	"errors"
	"slices"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/flight"
	"github.com/jollyjet/aside/store"
)

// Many is a loader of several values at once with a cache in front of it. It is a [Cacheable] for single keys, too, and
// shares its entries and running loads with itself. It is safe for concurrent use.
type Many[K comparable, V any] struct {
	*Cacheable[K, V]
	loadAll func(context.Context, []K) (map[K]V, error)
}

// NewMany decorates a loader of several values. The loader is asked for keys that are not in the cache, each once and
// never none; a key that it leaves out does not exist at the source, and one that it was not asked for is ignored. With
// [NotFound] the absence of a key that was left out is cached, too. Caches of [New] and NewMany with the same name share
// their entries. Otherwise it is as New.
func NewMany[K comparable, V any](st *store.Store, name string, load func(context.Context, []K) (map[K]V, error), options ...Option) *Many[K, V] {
	if load == nil {
		return &Many[K, V]{Cacheable: New[K, V](st, name, nil, options...)} // panics
	}
	one := func(ctx context.Context, key K) (v V, err error) {
		values, err := load(ctx, []K{key})
		if err != nil {
			return v, err
		}
		v, ok := values[key]
		if !ok {
			return v, ErrNotFound
		}
		return v, nil
	}
	m := &Many[K, V]{Cacheable: New(st, name, one, options...), loadAll: load}
	if accept := m.notFound; accept != nil {
		m.notFound = func(err error) bool { return errors.Is(err, ErrNotFound) || accept(err) }
	}
	return m
}

// item is one key of a call of GetAll.
type item[K comparable, V any] struct {
	job    job[K, V]
	stamp  entry.Validity
	keep   bool // near
	result *result[V]
	err    error
}

// GetAll returns the values for the keys, from the cache or else from the loader: one round trip to Redis reads them,
// and one call of the loader gets what is missing. Keys that do not exist at the source are left out. If some values
// could not be had, GetAll returns the others together with the first error, which is one of those of Get.
func (m *Many[K, V]) GetAll(ctx context.Context, keys []K) (map[K]V, error) {
	values := make(map[K]V, len(keys))
	if len(keys) == 0 {
		return values, nil
	}
	if m.bypass != nil && m.bypass(ctx) {
		return m.loadPast(ctx, keys)
	}
	far := m.getNear(ctx, keys, values)
	if len(far) == 0 {
		return values, nil
	}
	items, byKey := m.items(ctx, far)
	missing := m.readAll(ctx, items)
	if err := ctx.Err(); err != nil {
		return values, err
	}
	m.fetchAll(ctx, missing, byKey)
	return values, m.collect(far, byKey, values)
}

// loadPast asks the loader alone.
func (m *Many[K, V]) loadPast(ctx context.Context, keys []K) (map[K]V, error) {
	m.countN(SourceBypass, len(keys))
	loaded, err := m.loadAll(ctx, distinct(keys))
	if err != nil {
		return map[K]V{}, err
	}
	values := make(map[K]V, len(keys))
	for _, key := range keys {
		if v, ok := loaded[key]; ok {
			values[key] = v
		}
	}
	return values, nil
}

// getNear takes what this process has, and returns the other keys, each once.
func (m *Many[K, V]) getNear(ctx context.Context, keys []K, values map[K]V) (far []K) {
	keys = distinct(keys)
	if m.near == nil {
		return keys
	}
	for _, key := range keys {
		if e, ok := m.near.get(key); ok {
			m.checkShared(key, e)
			m.hits.near(ctx, key, m.space.Count(entry.CountNearHit))
			m.touchNear(key, e)
			values[key] = m.near.value(e)
		} else {
			far = append(far, key)
		}
	}
	return far
}

// items prepares the reads, one for each entry: a Key option may give several keys the same.
func (m *Many[K, V]) items(ctx context.Context, keys []K) (items []*item[K, V], byKey map[store.Key]*item[K, V]) {
	byKey = make(map[store.Key]*item[K, V], len(keys))
	for _, key := range keys {
		ref := m.ref(key)
		if byKey[ref.Key] != nil {
			continue
		}
		it := &item[K, V]{job: job[K, V]{c: m.Cacheable, ctx: ctx, key: key, ref: &ref}}
		if m.near != nil {
			it.stamp, it.keep = m.space.Validity(&ref)
		}
		byKey[ref.Key] = it
		items = append(items, it)
	}
	return items, byKey
}

// readAll reads the entries, and returns the items that they do not answer.
func (m *Many[K, V]) readAll(ctx context.Context, items []*item[K, V]) (missing []*item[K, V]) {
	refs := make([]*entry.Ref, len(items))
	for i, it := range items {
		refs[i] = it.job.ref
	}
	views, errs := m.space.ReadAll(ctx, refs)
	var due []*item[K, V]
	for i, it := range items {
		it.job.seen = views[i]
		if errs[i] != nil {
			m.space.Count(entry.CountRedisError)
			it.job.direct = true
			missing = append(missing, it)
			continue
		}
		r, ok := m.answer(it.job.ref, &it.job.seen)
		if !ok {
			missing = append(missing, it)
			continue
		}
		it.result = r
		m.hits.far(ctx, it.job.key, &it.job.seen, m.count(r.source))
		m.touchFar(it.job.ref, &it.job.seen)
		switch view := &it.job.seen; {
		case view.State != entry.Value:
		case m.due(view.Age(), view.TTL(), view.Cost()):
			due = append(due, it)
		case it.keep:
			m.keepNear(it.job.key, r, view, it.stamp)
			r.value = m.own(r.value, true)
		}
	}
	m.refreshAllAhead(ctx, due)
	return missing
}

// fetchAll answers the items that Redis did not.
func (m *Many[K, V]) fetchAll(ctx context.Context, missing []*item[K, V], byKey map[store.Key]*item[K, V]) {
	missing = slices.DeleteFunc(missing, m.cool)
	if len(missing) == 0 {
		return
	}
	keys := make([]store.Key, len(missing))
	fallbacks := make([]*result[V], len(missing))
	patient := true
	for i, it := range missing {
		keys[i], fallbacks[i] = it.job.ref.Key, m.fallback(&it.job.seen)
		it.job.seen = hint(it.job.seen)
		patient = patient && fallbacks[i] == nil
	}
	wait, cancel := ctx, func() {}
	if !patient && m.softTimeout > 0 {
		wait, cancel = context.WithTimeout(ctx, m.softTimeout)
	}
	results := m.reads.DoAll(wait, keys, m.batch(byKey))
	cancel()
	for i, it := range missing {
		m.conclude(ctx, it, results[i], fallbacks[i])
	}
}

// cool answers an item of which Redis has a stale value that nobody is to load again yet.
func (m *Many[K, V]) cool(it *item[K, V]) bool {
	if !m.cooling.active(it.job.ref.Key) {
		return false
	}
	fallback := m.fallback(&it.job.seen)
	if fallback == nil {
		return false
	}
	it.result = fallback
	m.count(SourceStale)
	return true
}

// conclude makes the answer of an item from what its flight came to.
func (m *Many[K, V]) conclude(ctx context.Context, it *item[K, V], got flight.Result[*result[V]], fallback *result[V]) {
	switch {
	case noFlight(got.Err):
		m.count(SourceBypass)
		r := &result[V]{source: SourceBypass}
		r.value, r.err = m.load(ctx, it.job.key)
		it.result = r
		return
	case got.Err != nil && ctx.Err() != nil:
		it.err = ctx.Err()
		return
	case fallback != nil && (got.Err != nil || got.Value.failed()):
		it.result = fallback
	case got.Err != nil: // another item's soft timeout: this one has nothing to fall back on
		it.result, it.err = m.patiently(ctx, it)
		if it.err != nil {
			return
		}
	default:
		it.result = got.Value
	}
	m.count(it.result.source)
}

// patiently waits for an item longer than others in its batch were ready to.
func (m *Many[K, V]) patiently(ctx context.Context, it *item[K, V]) (*result[V], error) {
	return m.reads.Do(ctx, it.job.ref.Key, it.job.read)
}

// collect puts the answers together. A panic of the loader is one of the caller's.
func (m *Many[K, V]) collect(keys []K, byKey map[store.Key]*item[K, V], values map[K]V) (first error) {
	for _, key := range keys {
		it := byKey[m.keyOf(key)]
		if it.err == nil {
			var v V
			v, err := m.share(it.result)
			if err == nil {
				values[key] = v
				continue
			}
			if m.absence(it.result, err) {
				continue
			}
			it.err = err
		}
		if first == nil {
			first = it.err
		}
	}
	return first
}

// absence reports whether an error only says that the source has nothing.
func (m *Many[K, V]) absence(r *result[V], err error) bool {
	return r.absent || r.negative || r.source == SourceNegative || errors.Is(err, ErrNotFound)
}

func (c *Cacheable[K, V]) countN(s Source, n int) {
	for range n {
		c.count(s)
	}
}

func distinct[K comparable](keys []K) []K {
	seen := make(map[K]struct{}, len(keys))
	once := make([]K, 0, len(keys))
	for _, key := range keys {
		if _, ok := seen[key]; !ok {
			seen[key] = struct{}{}
			once = append(once, key)
		}
	}
	return once
}
