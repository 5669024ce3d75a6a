package cacheable

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/flight"
	"github.com/jollyjet/aside/store"
)

// Get returns the value for key, from the cache or else from the loader. Its errors are those of the loader and of ctx,
// one that matches [ErrNotFound] for a cached absence, and ones that wrap [ErrTimeout] or [ErrGoexit]. An error wraps
// store.ErrClosed if the store was closed and the load did not end in time.
func (c *Cacheable[K, V]) Get(ctx context.Context, key K) (V, error) {
	if callsOf(ctx) != nil {
		v, _, err := c.GetInfo(ctx, key)
		return v, err
	}
	v, _, err := c.get(ctx, key)
	return v, err
}

// GetInfo is [Cacheable.Get], and describes how the read was answered.
func (c *Cacheable[K, V]) GetInfo(ctx context.Context, key K) (V, Info, error) {
	start := time.Now()
	v, from, err := c.get(ctx, key)
	info := Info{Cache: c.cache.Name(), Source: from.source, Age: from.ageNow(), Took: time.Since(start)}
	if calls := callsOf(ctx); calls != nil {
		calls.add(info)
	}
	return v, info, err
}

// Peek returns the cached value for key, and whether there is one, without loading. For a cached absence it returns
// true and an error that matches [ErrNotFound]. Other errors wrap store.ErrUnavailable, or are those of ctx.
func (c *Cacheable[K, V]) Peek(ctx context.Context, key K) (V, bool, error) {
	var zero V
	ref := c.keys.ref(ctx, key)
	found, err := c.cache.Read(ctx, &ref)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return zero, false, err
	}
	r, ok := c.entries.answer(&ref, &found)
	if !ok {
		return zero, false, nil
	}
	return r.value, true, r.err
}

// get answers from this process, from Redis, or else from the loader.
func (c *Cacheable[K, V]) get(ctx context.Context, key K) (v V, from origin, err error) {
	if c.bypass != nil && c.bypass(ctx) {
		return c.loadPast(ctx, key)
	}
	if e, ok := c.near.find(ctx, key); ok {
		return c.useNear(ctx, key, e), origin{SourceNear, e.age, e.put}, nil
	}
	return c.getFar(ctx, key)
}

// loadPast answers from the loader alone.
func (c *Cacheable[K, V]) loadPast(ctx context.Context, key K) (v V, from origin, err error) {
	c.cache.Count(SourceBypass.counter())
	v, err = c.loader.load(ctx, key)
	return v, origin{source: SourceBypass}, err
}

// useNear returns a value that this process keeps, and does what a hit entails.
func (c *Cacheable[K, V]) useNear(ctx context.Context, key K, e *nearValue) V {
	c.near.check(key, e)
	c.observers.nearHit(ctx, key, c.cache.Count(SourceNear.counter()))
	if c.sliding != nil {
		c.sliding.touch(c.keys.of(key), e.left-time.Since(e.put))
	}
	return c.near.own(valueOf[V](e))
}

// getFar answers from Redis, or else from the loader.
func (c *Cacheable[K, V]) getFar(ctx context.Context, key K) (v V, from origin, err error) {
	ref := c.keys.ref(ctx, key)
	var validity entry.Validity
	toNear := false
	if c.near != nil {
		validity, toNear = c.cache.Validity(&ref)
	}
	found, err := c.cache.Read(ctx, &ref)
	if err == nil {
		r, ok := c.entries.answer(&ref, &found)
		if ok {
			if due := c.useFar(ctx, key, &ref, r, &found); due {
				c.refresher.start(ctx, key, &ref, found)
			} else if toNear && found.State == entry.Value {
				c.keepNear(key, &ref, r, &found, validity)
			}
			if toNear {
				r.value = c.near.own(r.value)
			}
			return r.value, r.origin(), r.err
		}
	} else if ctx.Err() != nil {
		return v, origin{}, ctx.Err()
	}
	return c.fetch(ctx, key, &ref, found, err)
}

// useFar does what an answer from Redis entails. It reports whether the value is due for a refresh ahead.
func (c *Cacheable[K, V]) useFar(ctx context.Context, key K, ref *entry.Ref, r *result[V], found *entry.Entry) (due bool) {
	c.observers.farHit(ctx, key, found, c.cache.Count(r.source.counter()))
	if found.State != entry.Value {
		return false
	}
	if c.sliding != nil {
		c.sliding.touch(ref.Key, c.entries.timeLeft(key, r.value, found))
	}
	return c.refresher.due(found.Age(), found.TTL(), found.Cost())
}

// keepNear keeps a value from Redis in this process, until it is due for a refresh at the latest.
func (c *Cacheable[K, V]) keepNear(key K, ref *entry.Ref, r *result[V], found *entry.Entry, validity entry.Validity) {
	c.near.put(key, r.value, ref, found, validity, c.refresher.dueIn(found.Age(), found.TTL()), c.entries.timeLeft(key, r.value, found))
}

// fetch answers a read that found no answer in the cache, but perhaps a value to fall back on.
func (c *Cacheable[K, V]) fetch(ctx context.Context, key K, ref *entry.Ref, found entry.Entry, readErr error) (v V, from origin, err error) {
	req := c.request(ctx, key, ref)
	req.found = hint(found)
	if readErr != nil {
		c.cache.Count(entry.CountRedisError)
		req.direct = true
	}
	fallback := c.failSafe.fallback(key, &found)
	if answers, revalidates := c.staleAtOnce(ctx, ref.Key, &found, fallback); answers {
		if revalidates {
			c.refresher.start(ctx, key, ref, found)
		}
		c.cache.Count(SourceStale.counter())
		entry.UsedStale(ctx)
		return fallback.value, fallback.origin(), nil
	}
	wait, cancel := c.timeouts.waiting(ctx, fallback.left())
	r, err := c.reads.of(ref).Do(wait, ref.Key, func(round *flight.Round) outcome[V] { return c.loader.read(&req, round) })
	cancel()
	switch {
	case noFlight(err):
		return c.loadPast(ctx, key)
	case err != nil && ctx.Err() != nil:
		return v, origin{}, ctx.Err()
	case err != nil: // too slow
		r = &fallback.result
	case r.failed():
		r = cmp.Or(c.failSafe.afterFailure(ref.Key, &found, fallback), r)
	}
	c.cache.Count(r.source.counter())
	r.usedIn(ctx)
	v, err = c.entries.share(r)
	return v, r.origin(), err
}

// staleAtOnce reports whether a stale value answers a read that waits for no load, and whether the read starts one in the
// background. A read within a loader waits: what is made of a stale answer is not stored.
func (c *Cacheable[K, V]) staleAtOnce(ctx context.Context, key store.Key, found *entry.Entry, fallback *fallback[V]) (answers, revalidates bool) {
	revalidates = fallback.revalidates() && !entry.InLoad(ctx)
	return revalidates || fallback.now() != nil && c.failSafe.coolsDown(key, found), revalidates
}

// hint is the part of a read that a later load may rely on. On a Cluster the tags may have been read long before the
// entry, so an entry that seems evicted is read again.
func hint(found entry.Entry) entry.Entry {
	if found.Reason == entry.Evicted {
		return entry.Entry{}
	}
	return found
}

// noFlight reports whether there was no work to join, so that a caller has to load by itself.
func noFlight(err error) bool {
	return errors.Is(err, flight.ErrClosed) || errors.Is(err, flight.ErrBroken)
}
