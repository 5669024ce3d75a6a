package cacheable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jollyjet/aside/store"
)

// Space returns the part of the keyspace that is the cache's. Together with OnHit, ParseKey, Look, Source and Decode it
// is what package consistency needs to know of a cache.
func (c *Cacheable[K, V]) Space() *store.Space { return c.space }

// Look returns what a read of the keys would find now, in their order, without loading and without being counted as a
// read. Without near it is what Redis has.
func (c *Cacheable[K, V]) Look(ctx context.Context, near bool, keys ...K) []store.Copy {
	copies := make([]store.Copy, len(keys))
	refs, of := make([]*store.Ref, 0, len(keys)), make([]int, 0, len(keys))
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

func (c *Cacheable[K, V]) copyOf(v *store.View, err error) store.Copy {
	if v.State == store.Negative && c.notFound == nil {
		v.Discredit() // as for reads
	}
	found := v.Copy()
	found.Err = err
	return found
}

func (c *Cacheable[K, V]) nearCopy(e *nearEntry) (of store.Copy) {
	defer func() {
		if value := recover(); value != nil {
			of = store.Copy{Err: fmt.Errorf("cacheable: %s: encode: panic: %v", c.space.Name(), value)}
		}
	}()
	of = store.Copy{State: store.Value, Version: e.version, Age: e.age + time.Since(e.put)}
	of.Payload, of.Err = c.codec.Marshal(valueOf[V](e))
	return of
}

// Source returns what the loader says now, as it would be stored, but stores nothing. It keeps to [HardTimeout] and
// [MaxConcurrentLoads], and counts as a load. When ctx ends it returns, and the load goes on.
func (c *Cacheable[K, V]) Source(ctx context.Context, key K) store.Copy {
	j := &job[K, V]{c: c, ctx: ctx, key: key, cause: store.CauseCheck}
	return c.ask(ctx, 1, func(ctx context.Context, p place) []store.Copy {
		j.place = p
		return []store.Copy{c.sourceCopy(j.load(nil))}
	})[0]
}

// SourceAll is Source for several keys, with one call of the loader for each [MaxBatch] of them.
func (m *Many[K, V]) SourceAll(ctx context.Context, keys []K) []store.Copy {
	parts := make([]*part[K, V], len(keys))
	for i, key := range keys {
		parts[i] = &part[K, V]{job: &job[K, V]{c: m.Cacheable, ctx: ctx, key: key, cause: store.CauseCheck}}
	}
	if len(parts) == 0 {
		return nil
	}
	return m.ask(ctx, len(keys), func(ctx context.Context, p place) []store.Copy {
		copies := make([]store.Copy, len(keys))
		for i, r := range m.loadParts(ctx, &p, parts) {
			copies[i] = m.sourceCopy(r)
		}
		p.leave()
		return copies
	})
}

// ask has load asked for n copies in a place for loads.
func (c *Cacheable[K, V]) ask(ctx context.Context, n int, load func(context.Context, place) []store.Copy) []store.Copy {
	answers := make(chan []store.Copy, 1)
	began := c.space.Store().Go(func() {
		loading, cancel := c.space.Store().LoadContext(ctx, 0)
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

func failedCopies(n int, err error) []store.Copy {
	copies := make([]store.Copy, n)
	for i := range copies {
		copies[i].Err = err
	}
	return copies
}

var errUnencodable = errors.New("cacheable: the codec can't encode the loaded value")

func (c *Cacheable[K, V]) sourceCopy(r *result[V]) store.Copy {
	switch {
	case r.absent:
		return store.Copy{State: store.Negative}
	case r.err != nil:
		return store.Copy{Err: r.err}
	case r.payload == nil:
		return store.Copy{Err: errUnencodable}
	default:
		return store.Copy{State: store.Value, Payload: r.payload}
	}
}

// Decode returns the value of a copy. It reports false if the payload is not the codec's.
func (c *Cacheable[K, V]) Decode(payload []byte) (v V, ok bool) {
	ok = c.decode(payload, &v)
	return v, ok
}
