package eviction

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/outbox"
	"github.com/jollyjet/aside/internal/wire"
)

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
