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
	"github.com/jollyjet/aside/internal/slicesx"
	"github.com/jollyjet/aside/internal/wire"
)

// expire is Change. What is evicted is held while others expire. Those can't be held, so they expire as often as they have
// caches, and each but the first time after all have expired once.
func (e *Evictor) expire(ctx context.Context, evicted, expired []Key) error {
	what := outbox.Eviction{Token: envelope.NewToken()}
	if e.cfg.Life.Over() {
		return e.late(ctx, slices.Concat(evicted, expired), what)
	}
	all := slicesx.Distinct(slices.Concat(evicted, expired))
	if !e.restOnEachOther(all) {
		rest := e.expireAll(ctx, expired)
		e.count(rest)
		return e.evict(ctx, slicesx.Distinct(slices.Concat(evicted, rest)))
	}
	h := &Hold{evictor: e, token: what.Token, keys: evicted}
	held := h.place(ctx, evicted, "place") == nil
	rest := e.expireAll(ctx, expired)
	e.count(rest)
	err := e.together(ctx, slicesx.Distinct(slices.Concat(evicted, rest)), what, all)
	if held || err != nil {
		return err
	}
	// What expired may have been loaded again from what had not been evicted yet.
	return e.together(ctx, all, what, all)
}

// expireAll returns the keys that are to be evicted instead.
func (e *Evictor) expireAll(ctx context.Context, keys []Key) (rest []Key) {
	caches := make(map[string]bool)
	for _, key := range keys {
		caches[e.cfg.Keys.Group(key.Addr())] = true
	}
	for range caches {
		for batch := range slices.Chunk(keys, outbox.Batch) {
			rest = append(rest, e.expireOnce(ctx, batch)...)
		}
	}
	rest = slicesx.Distinct(rest)
	e.counts[kindExpire].Add(int64(len(keys) - len(rest)))
	return rest
}

// expireOnce replaces each value by a stale copy, if it is still the same then. It returns the keys for which that was not
// done.
func (e *Evictor) expireOnce(ctx context.Context, keys []Key) (rest []Key) {
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
