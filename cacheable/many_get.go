package cacheable

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/flight"
	"github.com/jollyjet/aside/store"
)

// manyRead is one key of a call of GetAll.
type manyRead[K comparable, V any] struct {
	request[K]
	validity entry.Validity // taken before the entry was read
	toNear   bool
	fallback *fallback[V] // what was found has to offer; see fetchAll
	result   *result[V]
	err      error
}

// GetAll returns the values for the keys, from the cache or else from the loader. One round trip to Redis reads them (one for
// each 512 keys or megabyte of values), and one call of the loader gets the missing ones. A part that Redis does not answer in
// time is loaded with the missing ones. Keys that do not exist at the source are left out. If some values
// could not be read or loaded, GetAll returns the others together with the first error, which is one of those of
// [Cacheable.Get].
func (m *Many[K, V]) GetAll(ctx context.Context, keys []K) (map[K]V, error) {
	values := make(map[K]V, len(keys))
	if len(keys) == 0 {
		return values, nil
	}
	if m.bypass != nil && m.bypass(ctx) {
		return m.loadAllPast(ctx, keys)
	}
	far := m.getAllNear(ctx, keys, values)
	if len(far) == 0 {
		return values, nil
	}
	reads, byKey := m.manyReads(ctx, far)
	missing := m.getAllFar(ctx, reads)
	if err := ctx.Err(); err != nil {
		return values, err
	}
	m.fetchAll(ctx, missing, byKey)
	return values, m.collect(far, byKey, values)
}

// loadAllPast answers from the loader alone.
func (m *Many[K, V]) loadAllPast(ctx context.Context, keys []K) (map[K]V, error) {
	values := make(map[K]V, len(keys))
	var first error
	for keys, loaded := range m.past(ctx, distinct(keys)) {
		first = cmp.Or(first, loaded.err)
		for _, key := range keys {
			if v, ok := loaded.values[key]; ok {
				values[key] = v
			}
		}
	}
	return values, first
}

// loadedPast is what the loader has answered, or its error.
type loadedPast[K comparable, V any] struct {
	values map[K]V
	err    error
}

// past calls the loader for keys, as many at once as it takes, and yields what it answered for which.
func (m *Many[K, V]) past(ctx context.Context, keys []K) iter.Seq2[[]K, loadedPast[K, V]] {
	return func(yield func([]K, loadedPast[K, V]) bool) {
		for chunk := range slices.Chunk(keys, m.batches.size(len(keys))) {
			for range chunk {
				m.cache.Count(SourceBypass.counter())
			}
			values, err := m.batches.loadAll(ctx, chunk)
			if err != nil {
				values = nil
			}
			if !yield(chunk, loadedPast[K, V]{values, err}) {
				return
			}
		}
	}
}

// getAllNear adds the values that this process keeps, and returns the other keys, each once.
func (m *Many[K, V]) getAllNear(ctx context.Context, keys []K, values map[K]V) (far []K) {
	keys = distinct(keys)
	if m.near == nil || entry.InLoad(ctx) {
		return keys
	}
	for _, key := range keys {
		if e, ok := m.near.get(key); ok && e.proof == nil { // what Redis has to confirm is read with the others
			values[key] = m.useNear(ctx, key, e)
		} else {
			far = append(far, key)
		}
	}
	return far
}

// manyReads prepares the reads, one for each entry: a Key option may give several keys the same entry.
func (m *Many[K, V]) manyReads(ctx context.Context, keys []K) (reads []*manyRead[K, V], byKey map[store.Key]*manyRead[K, V]) {
	byKey = make(map[store.Key]*manyRead[K, V], len(keys))
	for _, key := range keys {
		ref := m.keys.ref(ctx, key)
		if byKey[ref.Key] != nil {
			continue
		}
		read := &manyRead[K, V]{request: m.request(ctx, key, &ref)}
		if m.near != nil {
			read.validity, read.toNear = m.cache.Validity(&ref)
		}
		byKey[ref.Key] = read
		reads = append(reads, read)
	}
	return reads, byKey
}

// getAllFar reads the entries, and returns the reads that they do not answer.
func (m *Many[K, V]) getAllFar(ctx context.Context, reads []*manyRead[K, V]) (missing []*manyRead[K, V]) {
	refs := make([]*entry.Ref, len(reads))
	for i, read := range reads {
		refs[i] = read.ref
	}
	found, errs := m.cache.ReadAll(ctx, refs)
	var due []*request[K]
	for i, read := range reads {
		read.found = found[i]
		if errs[i] != nil {
			m.cache.Count(entry.CountRedisError)
			read.direct = true
			missing = append(missing, read)
			continue
		}
		r, ok := m.entries.answer(read.ref, &read.found)
		if !ok {
			missing = append(missing, read)
			continue
		}
		read.result = r
		if m.useFar(ctx, read.key, read.ref, r, &read.found) {
			due = append(due, &read.request)
		} else if read.toNear && read.found.State == entry.Value {
			m.keepNear(read.key, read.ref, r, &read.found, read.validity)
			r.value = m.near.own(r.value)
		}
	}
	m.batches.startRefresh(ctx, m.refresher.refreshes, due)
	return missing
}

// fetchAll answers the reads that found no answer in the cache, but perhaps a value to fall back on.
func (m *Many[K, V]) fetchAll(ctx context.Context, missing []*manyRead[K, V], byKey map[store.Key]*manyRead[K, V]) {
	var due []*request[K]
	missing = slices.DeleteFunc(missing, func(read *manyRead[K, V]) bool {
		answers, revalidates := m.answerStale(ctx, read)
		if revalidates {
			due = append(due, &read.request)
		}
		return answers
	})
	m.batches.startRefresh(ctx, m.refresher.refreshes, due)
	if len(missing) == 0 {
		return
	}
	keys := make([]store.Key, len(missing))
	usable := time.Duration(0) // of those that there are, the one that ends first
	for i, read := range missing {
		keys[i] = read.ref.Key
		read.found = hint(read.found)
		if left := read.fallback.left(); left > 0 && (usable == 0 || left < usable) {
			usable = left
		}
	}
	wait, cancel := m.timeouts.waiting(ctx, usable)
	requestOf := func(key store.Key) *request[K] { return &byKey[key].request }
	results := m.reads.of(missing[0].ref).DoAll(wait, keys, m.batches.read(requestOf))
	cancel()
	var past []*manyRead[K, V]
	for i, read := range missing {
		if noFlight(results[i].Err) {
			past = append(past, read)
		} else {
			m.conclude(ctx, read, results[i])
		}
	}
	m.readPast(ctx, past)
}

// readPast answers reads from the loader alone, when the store is closed.
func (m *Many[K, V]) readPast(ctx context.Context, reads []*manyRead[K, V]) {
	keys := make([]K, len(reads))
	for i, read := range reads {
		keys[i] = read.key
	}
	for chunk, loaded := range m.past(ctx, keys) {
		for i, key := range chunk {
			v, ok := loaded.values[key]
			r := &result[V]{source: SourceBypass, value: v, err: loaded.err}
			if !ok && r.err == nil {
				r.err = ErrNotFound
			}
			reads[i].result = r
		}
		reads = reads[len(chunk):]
	}
}

// answerStale answers a read that found a stale value, if it waits for no load. It reports whether it did, and whether the read
// starts one in the background.
func (m *Many[K, V]) answerStale(ctx context.Context, read *manyRead[K, V]) (answers, revalidates bool) {
	read.fallback = m.failSafe.fallback(read.key, &read.found)
	if answers, revalidates = m.staleAtOnce(ctx, read.ref.Key, &read.found, read.fallback); answers {
		read.result = &read.fallback.result
		m.cache.Count(SourceStale.counter())
		entry.UsedStale(ctx)
	}
	return answers, revalidates
}

// conclude answers a read from the outcome of its flight.
func (m *Many[K, V]) conclude(ctx context.Context, read *manyRead[K, V], got flight.Result[*result[V]]) {
	switch {
	case got.Err != nil && ctx.Err() != nil:
		read.err = ctx.Err()
		return
	case got.Err != nil && read.fallback != nil:
		read.result = &read.fallback.result
	case got.Err != nil: // the soft timeout of another read: this one has nothing to fall back on, so it goes on waiting
		read.result, read.err = m.reads.of(read.ref).Do(ctx, read.ref.Key, func(round *flight.Round) outcome[V] {
			return m.loader.read(&read.request, round)
		})
		if read.err != nil {
			return
		}
	case got.Value.failed():
		read.result = cmp.Or(m.failSafe.afterFailure(read.ref.Key, &read.found, read.fallback), got.Value)
	default:
		read.result = got.Value
	}
	m.cache.Count(read.result.source.counter())
	read.result.usedIn(ctx)
}

// collect adds the values of the answers, and returns the first error. If the loader panicked, so does collect.
func (m *Many[K, V]) collect(keys []K, byKey map[store.Key]*manyRead[K, V], values map[K]V) (first error) {
	for _, key := range keys {
		read := byKey[m.keys.of(key)]
		if read.err == nil {
			v, err := m.entries.share(read.result)
			if err == nil {
				values[key] = v
				continue
			}
			if isAbsence(read.result, err) {
				continue
			}
			read.err = err
		}
		if first == nil {
			first = read.err
		}
	}
	return first
}

// isAbsence reports whether an error only says that the source has nothing.
func isAbsence[V any](r *result[V], err error) bool {
	return r.absent || r.negative || r.source == SourceNegative || errors.Is(err, ErrNotFound)
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
