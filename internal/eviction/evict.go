package eviction

import (
	"context"
	"fmt"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/outbox"
)

var errClosed = fmt.Errorf("%w: nothing was evicted", lifecycle.ErrClosed)

// Evict evicts what the keys stand for; see [Evictor.Change].
func (e *Evictor) Evict(ctx context.Context, keys ...Key) error { return e.Change(ctx, keys, nil) }

// Change evicts what the keys stand for, and ends the time to live of others without removing them: the next read of these
// loads, and has the old value to fall back on if the load fails (cacheable.FailSafe).
//
// Keys that can't be evicted are queued; the error then wraps [outbox.ErrQueued]. So are those that are not confirmed when
// ctx ends. An error that wraps [wire.ErrUnreplicated] is about what happens if the master is lost now. When the store was
// closed nothing is evicted, and the error wraps [lifecycle.ErrClosed].
//
// Caches may read each other, so what belongs to several caches or tags is evicted together: if some of it fails, all of
// it is queued. See [tagversion.Versions.Together].
func (e *Evictor) Change(ctx context.Context, evicted, expired []Key) error {
	if e.cfg.Life.Over() && len(evicted)+len(expired) > 0 {
		return errClosed
	}
	return e.AfterWrite(ctx, evicted, expired)
}

// AfterWrite is [Evictor.Change] for a decorated write that has returned. It evicts also when the store was closed.
func (e *Evictor) AfterWrite(ctx context.Context, evicted, expired []Key) error {
	if len(evicted)+len(expired) == 0 {
		return nil
	}
	kind := e.kindsOf(evicted)
	if len(evicted) == 0 {
		kind = kindNames[kindExpire]
	}
	ctx, span := e.trace(ctx, kind, len(evicted)+len(expired))
	e.count(evicted)
	err := e.change(ctx, evicted, expired)
	span.End(err)
	return err
}

func (e *Evictor) change(ctx context.Context, evicted, expired []Key) error {
	switch {
	case len(expired) > 0:
		return e.expire(ctx, evicted, expired)
	case e.restOnEachOther(evicted):
		return e.together(ctx, evicted, outbox.Eviction{Token: envelope.NewToken()}, evicted)
	default:
		return e.evict(ctx, evicted)
	}
}

// Expire ends the time to live of entries without removing them; see [Evictor.Change]. What is not a value, such as the
// lease of a load that is running, is evicted.
func (e *Evictor) Expire(ctx context.Context, keys ...Key) error { return e.Change(ctx, nil, keys) }
