package store

import (
	"context"
	"maps"
	"slices"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/redisx"
)

// Expire ends the time to live of entries without removing them: the next read loads, and has the old value to fall
// back on if the load fails (cacheable.FailSafe). What is not a value, such as the lease of a load that is running, is
// evicted. Otherwise it is as [Store.Evict].
func (s *Store) Expire(ctx context.Context, keys ...Key) error {
	if len(keys) == 0 {
		return nil
	}
	ctx, tracing := s.trace(ctx, TraceStart{Operation: OperationEvict, Kind: kindExpire.String(), Keys: len(keys)})
	var first error
	for batch := range slices.Chunk(keys, evictBatch) {
		rest := s.expire(ctx, batch)
		s.stats.evictions[kindExpire].Add(int64(len(batch) - len(rest)))
		s.countEvictions(rest)
		first = worse(first, s.evict(ctx, rest))
	}
	tracing.End(first)
	return first
}

// expire replaces each value by a copy that is stale, if it is still the same then. It returns the keys for which that
// was not to be done.
func (s *Store) expire(ctx context.Context, keys []Key) (rest []Key) {
	if s.life.closed.Load() {
		return keys
	}
	epoch := s.evictions.epoch.Load()
	reads := make([]*call, len(keys))
	for i, key := range keys {
		reads[i] = redisx.Get(key.addr)
	}
	_ = s.run(ctx, reads...) // what could not be read is evicted
	swaps := make(map[Key]*call)
	for i, read := range reads {
		if swap := expired(keys[i], read); swap != nil {
			swaps[keys[i]] = swap
		}
	}
	if len(swaps) > 0 {
		_ = s.run(ctx, slices.Collect(maps.Values(swaps))...)
	}
	for key, swap := range swaps {
		s.evictions.confirmed([]Key{key}, []*call{swap}, epoch, eviction{})
	}
	s.forget(keys)
	return slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return swaps[k] != nil && swaps[k].Did() })
}

// expired returns a call that replaces what was read by a copy whose time is over, or nil if it is not an entry.
func expired(key Key, read *call) *call {
	if read.Err() != nil {
		return nil
	}
	raw, err := read.Reply.Text()
	if err != nil {
		return nil
	}
	e, err := envelope.Parse([]byte(raw))
	if err != nil {
		return nil
	}
	e.Token, e.TTL = envelope.NewToken(), 0
	record := envelope.Append(nil, &e)
	return &call{Script: casScript, Key: key.addr, Args: []any{envelope.Identity([]byte(raw)), "keep", record}}
}
