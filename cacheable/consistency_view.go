package cacheable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/tracing"
	"github.com/jollyjet/aside/store"
)

// Entries returns the cache as the engine knows it. Package consistency uses a cache through Entries, OnHit, ParseKey,
// Samples, Source, Equal and Decode.
func (c *Cacheable[K, V]) Entries() *entry.Cache { return c.cache }

// OnHit has notify called for a fraction of the answers that the cache gives as current: values and absences from
// Redis, and values from this process. Notify gets the key and what Redis had for it, or the zero Sample if this process
// had the value. It runs in the caller's goroutine before the answer, so it must be quick and must not panic. Detach
// ends the calls; those that have begun may still be running when it returns.
func (c *Cacheable[K, V]) OnHit(fraction float64, notify func(ctx context.Context, key K, seen entry.Sample)) (detach func()) {
	checks.NotNil("OnHit", notify == nil)
	if !(fraction > 0 && fraction <= 1) {
		panic(fmt.Sprintf("cacheable: OnHit(%v, ...): use a fraction above 0, and 1 at most", fraction))
	}
	return c.observers.add(fraction, notify)
}

// ParseKey is the inverse of [Cacheable.EntryKey]. It reports false for a key that is not an entry's, and where
// arguments have a [Key] of their own.
func (c *Cacheable[K, V]) ParseKey(key store.Key) (k K, ok bool) { return c.keys.parse(key) }

// Samples returns what a read of the keys would find now, in their order, without loading and without being counted as a
// read. Without near it returns what Redis has.
func (c *Cacheable[K, V]) Samples(ctx context.Context, near bool, keys ...K) []entry.Sample {
	samples := make([]entry.Sample, len(keys))
	refs, of := make([]*entry.Ref, 0, len(keys)), make([]int, 0, len(keys))
	for i, key := range keys {
		if near && c.near != nil {
			if e, ok := c.near.get(key); ok {
				samples[i] = c.nearCopy(e)
				continue
			}
		}
		ref := c.keys.ref(key)
		refs, of = append(refs, &ref), append(of, i)
	}
	found, errs := c.cache.ReadAll(ctx, refs)
	for n, i := range of {
		samples[i] = c.farCopy(&found[n], errs[n])
	}
	return samples
}

func (c *Cacheable[K, V]) farCopy(found *entry.Entry, err error) entry.Sample {
	if found.State == entry.Negative && c.entries.notFound.accept == nil {
		found.Discredit() // as for reads
	}
	far := found.Sample()
	far.Err = err
	return far
}

func (c *Cacheable[K, V]) nearCopy(e *nearValue) (near entry.Sample) {
	defer func() {
		if value := recover(); value != nil {
			near = entry.Sample{Err: fmt.Errorf("cacheable: %s: encode: panic: %v", c.cache.Name(), value)}
		}
	}()
	near = entry.Sample{State: entry.Value, Token: e.version, Age: e.age + time.Since(e.put)}
	near.Payload, near.Err = c.entries.coding.encode(valueOf[V](e))
	return near
}

// Source returns what the loader answers now, as it would be stored, but stores nothing. Its Lost says which part of the value
// the codec changes, if any: a hit is then wrong although the entry is current, and evicting it would not help. It keeps to [HardTimeout] and
// [MaxConcurrentLoads], and counts as a load. When ctx ends it returns, and the load goes on.
func (c *Cacheable[K, V]) Source(ctx context.Context, key K) entry.Sample {
	return c.ask(ctx, 1, func(_ context.Context, slot slot) []entry.Sample {
		req := &request[K]{ctx: ctx, key: key, slot: slot}
		return []entry.Sample{sourceCopy(c.loader.run(req, nil, tracing.CauseCheck))}
	})[0]
}

// SourceAll is [Cacheable.Source] for several keys, with one call of the loader for each [MaxBatch] of them.
func (m *Many[K, V]) SourceAll(ctx context.Context, keys []K) []entry.Sample {
	if len(keys) == 0 {
		return nil
	}
	loads := make([]batchLoad[K], len(keys))
	for i, key := range keys {
		loads[i] = batchLoad[K]{request: &request[K]{ctx: ctx, key: key}}
	}
	return m.ask(ctx, len(keys), func(ctx context.Context, slot slot) []entry.Sample {
		samples := make([]entry.Sample, len(keys))
		for i, r := range m.batches.runAll(ctx, &slot, loads, tracing.CauseCheck) {
			samples[i] = sourceCopy(r)
		}
		slot.release()
		return samples
	})
}

// ask calls load, which returns n samples and releases the slot that it gets.
func (c *Cacheable[K, V]) ask(ctx context.Context, n int, load func(context.Context, slot) []entry.Sample) []entry.Sample {
	answers := make(chan []entry.Sample, 1)
	started := c.cache.Lifecycle().Load(func() {
		loading, cancel := c.cache.Lifecycle().LoadContext(ctx, 0)
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
	case samples := <-answers:
		return samples
	case <-ctx.Done():
		return failedCopies(n, ctx.Err())
	}
}

func failedCopies(n int, err error) []entry.Sample {
	samples := make([]entry.Sample, n)
	for i := range samples {
		samples[i].Err = err
	}
	return samples
}

var errUnencodable = errors.New("cacheable: the codec can't encode the loaded value")

func sourceCopy[V any](r *result[V]) entry.Sample {
	switch {
	case r.absent:
		return entry.Sample{State: entry.Negative}
	case r.err != nil:
		return entry.Sample{Err: r.err}
	case r.payload == nil:
		return entry.Sample{Err: errUnencodable}
	default:
		return entry.Sample{State: entry.Value, Payload: r.payload, Lost: r.lost}
	}
}

// Equal reports whether two values are the same for this cache: by its option [Equal], or else by comparing all their parts. An
// error is a panic in a function or a method of the user's.
func (c *Cacheable[K, V]) Equal(a, b V) (same bool, err error) { return c.entries.coding.same(a, b) }

// Decode returns the value of a copy. It reports false if the codec can't decode the payload.
func (c *Cacheable[K, V]) Decode(payload []byte) (v V, ok bool) {
	ok = c.entries.decode(payload, &v)
	return v, ok
}
