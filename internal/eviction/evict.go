package eviction

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/outbox"
	"github.com/jollyjet/aside/internal/tagversion"
	"github.com/jollyjet/aside/internal/tracing"
	"github.com/jollyjet/aside/internal/wire"
)

// Key is what is evicted.
type Key = keyspace.Key

// Config says what an [Evictor] is made with.
type Config struct {
	Keys     *keyspace.Keyspace
	Wire     *wire.Wire
	Versions *tagversion.Versions
	Outbox   *outbox.Outbox
	Life     *lifecycle.Lifecycle
	Log      *slog.Logger
	Tracer   *tracing.Tracer // nil: none
	HoldTime time.Duration   // how long a hold outlives its writer

	// Again connects once more, for a write that ends after the store was closed, and returns how to close that connection.
	Again   func() (*wire.Wire, *tagversion.Versions, func(), error)
	Timeout time.Duration // for an eviction over such a connection
}

// Evictor is safe for concurrent use.
type Evictor struct {
	cfg    Config
	counts counts
}

// New returns an evictor.
func New(cfg Config) *Evictor { return &Evictor{cfg: cfg} }

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
	if e.cfg.Life.Closed() && len(evicted)+len(expired) > 0 {
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

// restOnEachOther reports whether one of the keys may be that of something that was made from what another one evicts: if
// they do not all belong to one cache. A tag is two things, it and its bucket.
func (e *Evictor) restOnEachOther(keys []Key) bool {
	for _, key := range keys {
		if e.cfg.Keys.IsTag(key.Addr()) || e.cfg.Keys.Group(key.Addr()) != e.cfg.Keys.Group(keys[0].Addr()) {
			return true
		}
	}
	return false
}

// evict evicts keys of one cache.
func (e *Evictor) evict(ctx context.Context, keys []Key) error {
	var first error
	for batch := range slices.Chunk(keys, outbox.Batch) {
		calls := make([]*wire.Call, len(batch))
		for i, key := range batch {
			calls[i] = &wire.Call{Script: lua.Evict, Key: key.Addr(), Args: []any{envelope.HoldPrefix()}}
		}
		first = wire.FirstError(first, e.carryOut(ctx, batch, calls, outbox.Eviction{}))
	}
	return first
}

// carryOut carries out calls that evict the keys, and queues those keys whose call failed.
func (e *Evictor) carryOut(ctx context.Context, keys []Key, calls []*wire.Call, what outbox.Eviction) error {
	if e.cfg.Life.Over() {
		return e.late(ctx, keys, what)
	}
	dataEpoch := e.cfg.Outbox.DataEpoch()
	err := e.cfg.Versions.BucketsFirst(ctx, e.cfg.Wire.Deliver, calls...)
	e.cfg.Outbox.Confirmed(keys, calls, dataEpoch, what)
	if err != nil && !errors.Is(err, wire.ErrUnreplicated) {
		var lost []Key
		for i, c := range calls {
			if c.Err() != nil {
				lost = append(lost, keys[i])
			}
		}
		err = e.failed(ctx, lost, len(keys), what, err)
	}
	e.forget(keys)
	return err
}

// together evicts keys that may rest on each other. If that fails it queues all, in place of them if that is more.
func (e *Evictor) together(ctx context.Context, keys []Key, what outbox.Eviction, all []Key) error {
	if len(keys) == 0 {
		return nil
	}
	if e.cfg.Life.Over() {
		return e.late(ctx, all, what)
	}
	dataEpoch, calls := e.cfg.Outbox.DataEpoch(), ends(keys, what.Token, time.Until(what.Until))
	done, err := e.cfg.Versions.Together(ctx, e.cfg.Wire.Deliver, e.cfg.HoldTime, calls...)
	if done {
		e.cfg.Outbox.Confirmed(keys, calls, dataEpoch, what)
	} else {
		what.Together = true
		err = e.failed(ctx, all, len(all), what, err)
	}
	e.forget(keys)
	return err
}

// failed queues evictions that failed because of cause. When the store is closed for good nobody empties the queue any more.
func (e *Evictor) failed(ctx context.Context, lost []Key, of int, what outbox.Eviction, cause error) error {
	err := e.cfg.Outbox.Failed(lost, of, what, cause)
	if e.cfg.Life.Over() {
		return e.late(ctx, lost, what)
	}
	return err
}

// forget drops what this process holds of the keys.
func (e *Evictor) forget(keys []Key) {
	for _, key := range keys {
		e.cfg.Versions.Changed(key.Addr())
	}
}
