package cacheable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jollyjet/aside/store"
)

// Space returns the cache's part of the keyspace. Package consistency uses a cache through Space, OnHit, ParseKey,
// Look, Source and Decode.
func (c *Cacheable[K, V]) Space() *store.Space { return c.cache }

// OnHit has notify called for a fraction of the answers that the cache gives as current: values and absences from
// Redis, and values from this process. Notify gets the key and what Redis had for it, or the zero Copy if this process
// had the value. It runs in the caller's goroutine before the answer, so it must be quick and must not panic. Detach
// ends the calls; those that have begun may still be running when it returns.
func (c *Cacheable[K, V]) OnHit(fraction float64, notify func(ctx context.Context, key K, seen store.Copy)) (detach func()) {
	checks.NotNil("OnHit", notify == nil)
	if !(fraction > 0 && fraction <= 1) {
		panic(fmt.Sprintf("cacheable: OnHit(%v, ...): use a fraction above 0, and 1 at most", fraction))
	}
	return c.observers.add(fraction, notify)
}

// ParseKey is the inverse of [Cacheable.EntryKey]. It reports false for a key that is not an entry's, and where
// arguments have a [Key] of their own.
func (c *Cacheable[K, V]) ParseKey(key store.Key) (k K, ok bool) { return c.keys.parse(key) }

// Look returns what a read of the keys would find now, in their order, without loading and without being counted as a
// read. Without near it returns what Redis has.
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
		ref := c.keys.ref(key)
		refs, of = append(refs, &ref), append(of, i)
	}
	found, errs := c.cache.ReadAll(ctx, refs)
	for n, i := range of {
		copies[i] = c.farCopy(&found[n], errs[n])
	}
	return copies
}

func (c *Cacheable[K, V]) farCopy(found *store.View, err error) store.Copy {
	if found.State == store.Negative && c.entries.notFound.accept == nil {
		found.Discredit() // as for reads
	}
	far := found.Copy()
	far.Err = err
	return far
}

func (c *Cacheable[K, V]) nearCopy(e *nearValue) (near store.Copy) {
	defer func() {
		if value := recover(); value != nil {
			near = store.Copy{Err: fmt.Errorf("cacheable: %s: encode: panic: %v", c.cache.Name(), value)}
		}
	}()
	near = store.Copy{State: store.Value, Version: e.version, Age: e.age + time.Since(e.put)}
	near.Payload, near.Err = c.entries.codec.Marshal(valueOf[V](e))
	return near
}

// Source returns what the loader answers now, as it would be stored, but stores nothing. It keeps to [HardTimeout] and
// [MaxConcurrentLoads], and counts as a load. When ctx ends it returns, and the load goes on.
func (c *Cacheable[K, V]) Source(ctx context.Context, key K) store.Copy {
	return c.ask(ctx, 1, func(_ context.Context, slot slot) []store.Copy {
		req := &request[K]{ctx: ctx, key: key, slot: slot}
		return []store.Copy{sourceCopy(c.loader.run(req, nil, store.CauseCheck))}
	})[0]
}

// SourceAll is [Cacheable.Source] for several keys, with one call of the loader for each [MaxBatch] of them.
func (m *Many[K, V]) SourceAll(ctx context.Context, keys []K) []store.Copy {
	if len(keys) == 0 {
		return nil
	}
	loads := make([]batchLoad[K], len(keys))
	for i, key := range keys {
		loads[i] = batchLoad[K]{request: &request[K]{ctx: ctx, key: key}}
	}
	return m.ask(ctx, len(keys), func(ctx context.Context, slot slot) []store.Copy {
		copies := make([]store.Copy, len(keys))
		for i, r := range m.batches.runAll(ctx, &slot, loads, store.CauseCheck) {
			copies[i] = sourceCopy(r)
		}
		slot.release()
		return copies
	})
}

// ask calls load, which returns n copies and releases the slot that it gets.
func (c *Cacheable[K, V]) ask(ctx context.Context, n int, load func(context.Context, slot) []store.Copy) []store.Copy {
	answers := make(chan []store.Copy, 1)
	started := c.cache.Store().Go(func() {
		loading, cancel := c.cache.Store().LoadContext(ctx, 0)
		defer cancel()
		slot := c.loader.slots.slot()
		if acquired := slot.acquire(loading); !acquired || ctx.Err() != nil { // the store closes, or the caller has left
			slot.release()
			answers <- failedCopies(n, c.loader.notStarted())
			return
		}
		answers <- load(loading, slot)
	})
	if !started {
		return failedCopies(n, c.loader.notStarted())
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

func sourceCopy[V any](r *result[V]) store.Copy {
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

// Decode returns the value of a copy. It reports false if the codec can't decode the payload.
func (c *Cacheable[K, V]) Decode(payload []byte) (v V, ok bool) {
	ok = c.entries.decode(payload, &v)
	return v, ok
}
