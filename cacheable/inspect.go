package cacheable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/tracing"
)

// Space returns the part of the keyspace that is the cache's. Together with OnHit, ParseKey, Look, Source and Decode it
// is what package consistency needs to know of a cache.
func (c *Cacheable[K, V]) Entries() *entry.Cache { return c.space }

// Look returns what a read of the keys would find now, in their order, without loading and without being counted as a
// read. Without near it is what Redis has.
func (c *Cacheable[K, V]) Look(ctx context.Context, near bool, keys ...K) []entry.Sample {
	copies := make([]entry.Sample, len(keys))
	refs, of := make([]*entry.Ref, 0, len(keys)), make([]int, 0, len(keys))
	for i, key := range keys {
		if near && c.near != nil {
			if e, ok := c.near.get(key); ok {
				copies[i] = c.nearCopy(e)
				continue
			}
		}
		ref := c.ref(key)
		refs, of = append(refs, &ref), append(of, i)
	}
	views, errs := c.space.ReadAll(ctx, refs)
	for n, i := range of {
		copies[i] = c.copyOf(&views[n], errs[n])
	}
	return copies
}

func (c *Cacheable[K, V]) copyOf(v *entry.Entry, err error) entry.Sample {
	if v.State == entry.Negative && c.notFound == nil {
		v.Discredit() // as for reads
	}
	found := v.Sample()
	found.Err = err
	return found
}

func (c *Cacheable[K, V]) nearCopy(e *nearEntry) (of entry.Sample) {
	defer func() {
		if value := recover(); value != nil {
			of = entry.Sample{Err: fmt.Errorf("cacheable: %s: encode: panic: %v", c.space.Name(), value)}
		}
	}()
	of = entry.Sample{State: entry.Value, Token: e.version, Age: e.age + time.Since(e.put)}
	of.Payload, of.Err = c.codec.Marshal(valueOf[V](e))
	return of
}

// Source returns what the loader says now, as it would be stored, but stores nothing. It keeps to [HardTimeout] and
// [MaxConcurrentLoads], and counts as a load. When ctx ends it returns, and the load goes on.
func (c *Cacheable[K, V]) Source(ctx context.Context, key K) entry.Sample {
	j := &job[K, V]{c: c, ctx: ctx, key: key, cause: tracing.CauseCheck}
	return c.ask(ctx, 1, func(ctx context.Context, p place) []entry.Sample {
		j.place = p
		return []entry.Sample{c.sourceCopy(j.load(nil))}
	})[0]
}

// SourceAll is Source for several keys, with one call of the loader for each [MaxBatch] of them.
func (m *Many[K, V]) SourceAll(ctx context.Context, keys []K) []entry.Sample {
	parts := make([]*part[K, V], len(keys))
	for i, key := range keys {
		parts[i] = &part[K, V]{job: &job[K, V]{c: m.Cacheable, ctx: ctx, key: key, cause: tracing.CauseCheck}}
	}
	if len(parts) == 0 {
		return nil
	}
	return m.ask(ctx, len(keys), func(ctx context.Context, p place) []entry.Sample {
		copies := make([]entry.Sample, len(keys))
		for i, r := range m.loadParts(ctx, &p, parts) {
			copies[i] = m.sourceCopy(r)
		}
		p.leave()
		return copies
	})
}

// ask has load asked for n copies in a place for loads.
func (c *Cacheable[K, V]) ask(ctx context.Context, n int, load func(context.Context, place) []entry.Sample) []entry.Sample {
	answers := make(chan []entry.Sample, 1)
	began := c.space.Lifecycle().Load(func() {
		loading, cancel := c.space.Lifecycle().LoadContext(ctx, 0)
		defer cancel()
		p := place{slots: c.slots}
		if taken := p.take(loading); !taken || ctx.Err() != nil { // the store closes, or nobody waits any more
			p.leave()
			answers <- failedCopies(n, c.notBegun())
			return
		}
		answers <- load(loading, p)
	})
	if !began {
		return failedCopies(n, c.notBegun())
	}
	select {
	case copies := <-answers:
		return copies
	case <-ctx.Done():
		return failedCopies(n, ctx.Err())
	}
}

func failedCopies(n int, err error) []entry.Sample {
	copies := make([]entry.Sample, n)
	for i := range copies {
		copies[i].Err = err
	}
	return copies
}

var errUnencodable = errors.New("cacheable: the codec can't encode the loaded value")

func (c *Cacheable[K, V]) sourceCopy(r *result[V]) entry.Sample {
	switch {
	case r.absent:
		return entry.Sample{State: entry.Negative}
	case r.err != nil:
		return entry.Sample{Err: r.err}
	case r.payload == nil:
		return entry.Sample{Err: errUnencodable}
	default:
		return entry.Sample{State: entry.Value, Payload: r.payload}
	}
}

// Decode returns the value of a copy. It reports false if the payload is not the codec's.
func (c *Cacheable[K, V]) Decode(payload []byte) (v V, ok bool) {
	ok = c.decode(payload, &v)
	return v, ok
}
