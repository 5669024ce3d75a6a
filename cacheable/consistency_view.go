package cacheable

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/tracing"
	"github.com/jollyjet/aside/store"
)

// Entries returns the cache as the engine knows it. Package consistency uses a cache through Entries, OnHit, ParseKey,
// Samples, Ask, Equality and Decode.
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
		ref := c.keys.ref(ctx, key)
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
// the codec changes, if any (see [Equal] for which values are looked at): a hit is then wrong although the entry is current, and
// evicting it would not help. It keeps to [HardTimeout] and [MaxConcurrentLoads], and counts as a load. When ctx ends it
// returns, and the load goes on.
func (c *Cacheable[K, V]) Source(ctx context.Context, key K) entry.Sample {
	answer, _ := c.Ask(ctx, key)
	return answer
}

// SourceAll is [Cacheable.Source] for several keys, with one call of the loader for each [MaxBatch] of them.
func (m *Many[K, V]) SourceAll(ctx context.Context, keys []K) []entry.Sample {
	answers, _ := m.AskAll(ctx, keys)
	return answers
}

// Ask is [Cacheable.Source], and also ends the loader's context at the deadline of ctx. Ended is closed when the call of
// the loader has returned: later than Ask, if the loader ignores its context.
func (c *Cacheable[K, V]) Ask(ctx context.Context, key K) (answer entry.Sample, ended <-chan struct{}) {
	l := c.loader.until(ctx)
	answers, ended := c.ask(ctx, 1, func(slot slot, _ int) []entry.Sample {
		return []entry.Sample{sourceCopy(l.run(&request[K]{ctx: ctx, key: key, slot: slot}, nil, nil, tracing.CauseCheck))}
	})
	return answers[0], ended
}

// AskAll is [Cacheable.Ask] for several keys, with one call of the loader for each [MaxBatch] of them. After a call that
// has outlived its context, the keys that are left fail.
func (m *Many[K, V]) AskAll(ctx context.Context, keys []K) (answers []entry.Sample, ended <-chan struct{}) {
	b := *m.batches
	b.loader = b.until(ctx)
	size := b.size(len(keys))
	return m.ask(ctx, len(keys), func(slot slot, from int) []entry.Sample {
		var loads []batchLoad[K]
		for _, key := range keys[from:min(from+size, len(keys))] {
			loads = append(loads, batchLoad[K]{request: &request[K]{ctx: ctx, key: key}})
		}
		samples := make([]entry.Sample, 0, len(loads))
		for _, r := range b.runChunk(&slot, loads, loads, tracing.CauseCheck) {
			samples = append(samples, sourceCopy(r))
		}
		slot.release()
		return samples
	})
}

// ask collects n samples. Load is called until it has returned them all; it gets the number of the first that is missing,
// and a slot, which it releases.
func (c *Cacheable[K, V]) ask(ctx context.Context, n int, load func(slot slot, from int) []entry.Sample) ([]entry.Sample, <-chan struct{}) {
	answers, ended := make(chan []entry.Sample, 1), make(chan struct{})
	started := c.cache.Lifecycle().Load(func() {
		var calls sync.WaitGroup
		defer func() { go func() { calls.Wait(); close(ended) }() }()
		loading, cancel := c.cache.Lifecycle().LoadContext(ctx, 0)
		defer cancel()
		samples := make([]entry.Sample, 0, n)
		for len(samples) < n {
			slot := c.loader.slots.slot()
			slot.calls = &calls
			if acquired := slot.acquire(loading); !acquired || ctx.Err() != nil { // the store closes, or the caller has left
				slot.release()
				samples = append(samples, failedCopies(n-len(samples), c.loader.notStarted())...)
				break
			}
			samples = append(samples, load(slot, len(samples))...)
			if err := samples[len(samples)-1].Err; errors.Is(err, ErrTimeout) {
				samples = append(samples, failedCopies(n-len(samples), err)...)
			}
		}
		answers <- samples
	})
	if !started {
		close(ended)
		return failedCopies(n, c.loader.notStarted()), ended
	}
	select {
	case samples := <-answers:
		return samples, ended
	case <-ctx.Done():
		return failedCopies(n, ctx.Err()), ended
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

// Equality returns the function given to [Equal], or nil.
func (c *Cacheable[K, V]) Equality() func(a, b V) bool { return c.entries.coding.equal }

// Decode returns the value of a copy. It reports false if the codec can't decode the payload.
func (c *Cacheable[K, V]) Decode(payload []byte) (v V, ok bool) {
	ok = c.entries.decode(payload, &v)
	return v, ok
}
