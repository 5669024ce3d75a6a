package store

import (
	"context"
	"errors"
	"slices"

	"github.com/jollyjet/aside/internal/envelope"
)

// evictBatch is how many keys are evicted in one round trip.
const evictBatch = 512

// Evict evicts the entries or tags with the given keys. When it returns nil no read that begins from now on, on any
// node, sees a value from before: for entries and for tags given by a key's Tags at once, for [Space.All] and
// [Store.Everything] on other nodes within the feed's delay (see [Strict]). Keys that can't be evicted are queued;
// the error then wraps [ErrQueued]. So are those that are not confirmed when ctx ends. An error that wraps [ErrUnreplicated] is about what happens if the master is lost now.
func (s *Store) Evict(ctx context.Context, keys ...Key) error {
	if len(keys) == 0 {
		return nil
	}
	ctx, tracing := s.traceEviction(ctx, keys)
	s.countEvictions(keys)
	err := s.evict(ctx, keys)
	tracing.End(err)
	return err
}

// evict is Evict for keys that are counted already.
func (s *Store) evict(ctx context.Context, keys []Key) error {
	var first error
	for batch := range slices.Chunk(keys, evictBatch) {
		calls := make([]*call, len(batch))
		for i, key := range batch {
			calls[i] = &call{Script: evictScript, Key: key.addr, Args: []any{envelope.HoldPrefix()}}
		}
		first = worse(first, s.settle(ctx, batch, calls, eviction{}))
	}
	return first
}

// worse returns the first error, but for one that is only about replicas if there is another.
func worse(first, next error) error {
	if first == nil || next != nil && errors.Is(first, ErrUnreplicated) {
		return next
	}
	return first
}

// settle carries out the calls that evict the keys, and queues those keys whose call failed.
func (s *Store) settle(ctx context.Context, keys []Key, calls []*call, e eviction) error {
	err, epoch := ErrClosed, s.evictions.epoch.Load()
	if !s.life.closed.Load() {
		err = s.tagsFirst(ctx, s.deliver, calls...)
		s.evictions.confirmed(keys, calls, epoch, e)
	}
	if err != nil && !errors.Is(err, ErrUnreplicated) {
		err = s.evictions.failed(keys, calls, e, err)
	}
	s.forget(keys)
	return err
}

// forget drops what this process holds of the keys.
func (s *Store) forget(keys []Key) {
	for _, key := range keys {
		s.changed(key.addr)
	}
}
