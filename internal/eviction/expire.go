package eviction

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/outbox"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/wire"
)

// Expire ends the time to live of entries without removing them: the next read loads, and has the old value to fall
// back on if the load fails (cacheable.FailSafe), for as long as it was to be kept beyond its time to live. What is not a
// value, such as the lease of a load that is running, is evicted. Otherwise it is as [Evictor.Evict].
func (e *Evictor) Expire(ctx context.Context, keys ...Key) error {
	if len(keys) == 0 {
		return nil
	}
	ctx, span := e.trace(ctx, kindNames[kindExpire], len(keys))
	var first error
	for batch := range slices.Chunk(keys, outbox.Batch) {
		rest := e.expire(ctx, batch)
		e.counts[kindExpire].Add(int64(len(batch) - len(rest)))
		e.count(rest)
		first = wire.FirstError(first, e.evict(ctx, rest))
	}
	span.End(first)
	return first
}

// expire replaces each value by a stale copy, if it is still the same then. It returns the keys for which that was not
// done.
func (e *Evictor) expire(ctx context.Context, keys []Key) (rest []Key) {
	if e.cfg.Life.Closed() {
		return keys
	}
	dataEpoch := e.cfg.Outbox.DataEpoch()
	reads := make([]*wire.Call, len(keys))
	for i, key := range keys {
		reads[i] = redisx.Get(key.Addr())
	}
	_ = e.cfg.Wire.Run(ctx, reads...) // what could not be read is evicted
	swaps := make(map[Key]*wire.Call)
	for i, read := range reads {
		if swap := e.expired(keys[i], read); swap != nil {
			swaps[keys[i]] = swap
		}
	}
	if len(swaps) > 0 {
		_ = e.cfg.Wire.Run(ctx, slices.Collect(maps.Values(swaps))...) // what could not be replaced is evicted
	}
	for key, swap := range swaps {
		e.cfg.Outbox.Confirmed([]Key{key}, []*wire.Call{swap}, dataEpoch, outbox.Eviction{})
	}
	e.forget(keys)
	return slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return swaps[k] != nil && swaps[k].Did() })
}

// expired returns a call that replaces what was read by a copy whose time is over, or nil if it is not an entry. The copy
// says when that was; as long as Redis's clock is not known it says that the entry was never fresh, so that nobody uses it
// for too long.
func (e *Evictor) expired(key Key, read *wire.Call) *wire.Call {
	if read.Err() != nil {
		return nil
	}
	raw, err := read.Reply.Text()
	if err != nil {
		return nil
	}
	entry, err := envelope.Parse([]byte(raw))
	if err != nil {
		return nil
	}
	age := time.Duration(0)
	if e.cfg.Wire.Clock.Known() {
		age = e.cfg.Wire.Clock.Age(entry.Created)
	}
	fresh := max(0, entry.FreshFor()-age)
	entry.Expire(age)
	return &wire.Call{Script: lua.Cas, Key: key.Addr(), Args: []any{
		envelope.Identity([]byte(raw)), "expire", envelope.Append(nil, &entry), fresh.Milliseconds(),
	}}
}
