package eviction

import (
	"context"
	"errors"
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
	Tracer   *tracing.Tracer // nil: none
	HoldTime time.Duration   // how long a hold outlives its writer
}

// Evictor is safe for concurrent use.
type Evictor struct {
	cfg    Config
	counts counts
}

// New returns an evictor.
func New(cfg Config) *Evictor { return &Evictor{cfg: cfg} }

// Evict evicts what the keys stand for. Keys that can't be evicted are queued; the error then wraps [outbox.ErrQueued].
// So are those that are not confirmed when ctx ends. An error that wraps [wire.ErrUnreplicated] is about what happens if
// the master is lost now.
func (e *Evictor) Evict(ctx context.Context, keys ...Key) error {
	if len(keys) == 0 {
		return nil
	}
	ctx, span := e.trace(ctx, e.kindsOf(keys), len(keys))
	e.count(keys)
	err := e.evict(ctx, keys)
	span.End(err)
	return err
}

// evict is Evict for keys that are counted already.
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

// carryOut carries out the calls that evict the keys, and queues those keys whose call failed.
func (e *Evictor) carryOut(ctx context.Context, keys []Key, calls []*wire.Call, what outbox.Eviction) error {
	err, dataEpoch := lifecycle.ErrClosed, e.cfg.Outbox.DataEpoch()
	if !e.cfg.Life.Closed() {
		err = e.cfg.Versions.BucketsFirst(ctx, e.cfg.Wire.Deliver, calls...)
		e.cfg.Outbox.Confirmed(keys, calls, dataEpoch, what)
	}
	if err != nil && !errors.Is(err, wire.ErrUnreplicated) {
		err = e.cfg.Outbox.Failed(keys, calls, what, err)
	}
	e.forget(keys)
	return err
}

// forget drops what this process holds of the keys.
func (e *Evictor) forget(keys []Key) {
	for _, key := range keys {
		e.cfg.Versions.Changed(key.Addr())
	}
}
