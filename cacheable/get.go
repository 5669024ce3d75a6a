package cacheable

import (
	"context"
	"errors"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/flight"
)

// origin is where an answer came from.
type origin struct {
	source Source
	age    time.Duration // of the value at the moment in since, or now if that is zero
	since  time.Time
}

func (o origin) ageNow() time.Duration {
	if o.since.IsZero() {
		return o.age
	}
	return o.age + time.Since(o.since)
}

// get answers from this process, from Redis, or else from the loader.
func (c *Cacheable[K, V]) get(ctx context.Context, key K) (v V, from origin, err error) {
	if c.bypass != nil && c.bypass(ctx) {
		c.count(SourceBypass)
		v, err = c.load(ctx, key)
		return v, origin{source: SourceBypass}, err
	}
	if c.near != nil {
		if e, ok := c.near.get(key); ok {
			c.checkShared(key, e)
			c.hits.near(ctx, key, c.space.Count(entry.CountNearHit))
			c.touchNear(key, e)
			return c.near.value(e), origin{SourceNear, e.age, e.put}, nil
		}
	}
	return c.getFar(ctx, key)
}

// getFar answers from Redis, or else from the loader.
func (c *Cacheable[K, V]) getFar(ctx context.Context, key K) (v V, from origin, err error) {
	ref := c.ref(key)
	var stamp entry.Validity
	keep := false
	if c.near != nil {
		stamp, keep = c.space.Validity(&ref)
	}
	view, err := c.space.Read(ctx, &ref)
	if err == nil {
		r, ok := c.answer(&ref, &view)
		if ok {
			c.hits.far(ctx, key, &view, c.count(r.source))
			c.touchFar(&ref, &view)
			if view.State == entry.Value && c.due(view.Age(), view.TTL(), view.Cost()) {
				c.refreshAhead(ctx, key, &ref, view)
			} else if keep && view.State == entry.Value {
				c.keepNear(key, r, &view, stamp)
			}
			return c.own(r.value, keep), r.origin(), r.err
		}
	} else if ctx.Err() != nil {
		return v, origin{}, ctx.Err()
	}
	return c.fetch(ctx, key, &ref, view, err)
}

// keepNear keeps a value that was read from Redis in this process.
func (c *Cacheable[K, V]) keepNear(key K, r *result[V], view *entry.Entry, stamp entry.Validity) {
	life := min(c.nearTTL, c.dueIn(view.Age(), view.TTL()))
	if life <= 0 {
		return
	}
	e := &nearEntry{value: r.value, version: view.Token(), stamp: stamp.Of(view), age: r.age, put: time.Now(), life: life, rest: c.left(view)}
	if c.guardShared() {
		e.check = c.checksum(r.value)
	}
	c.near.put(key, e)
}

// own makes a value that is kept near the caller's own, if there is a Clone.
func (c *Cacheable[K, V]) own(v V, kept bool) V {
	if kept && c.near.clone != nil {
		return c.near.clone(v)
	}
	return v
}

// fetch answers a read for which view is no answer, but perhaps a fallback.
func (c *Cacheable[K, V]) fetch(ctx context.Context, key K, ref *entry.Ref, view entry.Entry, readErr error) (v V, from origin, err error) {
	j := job[K, V]{c: c, ctx: ctx, key: key, ref: ref, seen: hint(view)}
	if readErr != nil {
		c.space.Count(entry.CountRedisError)
		j.direct = true
	}
	fallback := c.fallback(&view)
	if fallback != nil && c.cooling.active(ref.Key) {
		c.count(SourceStale)
		return fallback.value, fallback.origin(), nil
	}
	wait, cancel := ctx, func() {}
	if fallback != nil && c.softTimeout > 0 {
		wait, cancel = context.WithTimeout(ctx, c.softTimeout)
	}
	r, err := c.reads.Do(wait, ref.Key, j.read)
	cancel()
	switch {
	case noFlight(err):
		c.count(SourceBypass)
		v, err = c.load(ctx, key)
		return v, origin{source: SourceBypass}, err
	case err != nil && ctx.Err() != nil:
		return v, origin{}, ctx.Err()
	case fallback != nil && (err != nil || r.failed()): // too slow, or failed
		r = fallback
	}
	c.count(r.source)
	v, err = c.share(r)
	return v, r.origin(), err
}

// hint is what a view is worth to a load that begins later. On a Cluster the tags may have been read long before the
// entry was, so one that seems evicted is looked at again.
func hint(view entry.Entry) entry.Entry {
	if view.Reason == entry.Evicted {
		return entry.Entry{}
	}
	return view
}

// noFlight reports whether there was no work to join, so that a caller has to load for itself.
func noFlight(err error) bool {
	return errors.Is(err, flight.ErrClosed) || errors.Is(err, flight.ErrBroken)
}

// count counts an answer, and returns how many there have been from that source.
func (c *Cacheable[K, V]) count(s Source) int64 {
	switch s {
	case SourceHit:
		return c.space.Count(entry.CountHit)
	case SourceStale:
		return c.space.Count(entry.CountStale)
	case SourceNegative:
		return c.space.Count(entry.CountNegativeHit)
	case SourceBypass:
		return c.space.Count(entry.CountBypass)
	default:
		return c.space.Count(entry.CountMiss)
	}
}
