package entry

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/eviction"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/outbox"
	"github.com/jollyjet/aside/internal/tagversion"
	"github.com/jollyjet/aside/internal/wire"
)

// Put stores a value over whatever stands there: the last write wins. Only the hold of a writer stays, and the value is
// not stored then. It reports whether it is, or was until somebody else stored or evicted something. A value that could
// not be stored may have left an older one behind, so after an error the entry is evicted as soon as Redis can be
// reached. The error wraps [wire.ErrUnavailable].
//
// The value takes the place of a lease that is put there first: a command that arrives late, when the entry has been
// evicted since, finds no lease and so can't bring an old value back.
func (c *Cache) Put(ctx context.Context, ref *Ref, r Contents) (bool, error) {
	if c.cfg.Life.Closed() {
		return false, lifecycle.ErrClosed
	}
	dataEpoch := c.cfg.Outbox.DataEpoch()
	lease := envelope.NewLease(envelope.NewToken())
	ref, _ = c.withTags(ref, r.Tags)
	s := c.snapshot(ref, true)
	place := &wire.Call{Script: lua.Put, Key: ref.Addr(), Args: []any{envelope.HoldPrefix(), lease, c.cfg.LeaseTime.Milliseconds()}}
	err := c.cfg.Wire.Run(ctx, append(s.Begins(), place)...)
	if err == nil && place.Did() {
		s.Answered()
		now := c.cfg.Wire.Clock.Now()
		record := c.record(ref, s.Numbers(), now, r)
		store := &wire.Call{Script: lua.Cas, Key: ref.Addr(), Args: []any{lease, "set", record, r.lifetime().Milliseconds()}}
		err = c.cfg.Wire.Run(ctx, append(c.cfg.Versions.Extends(&c.scope, ref.tags, r.longest(), now), store)...)
	}
	c.cfg.Versions.Changed(ref.Addr())
	if err != nil {
		c.cfg.Outbox.Add(outbox.Eviction{}, err, ref.Key)
		c.leftovers.add(lease, ref.Addr()) // it may be put there after the eviction
		return false, err
	}
	c.cfg.Outbox.Confirmed([]Key{ref.Key}, []*wire.Call{place}, dataEpoch, outbox.Eviction{})
	return place.Did(), nil
}

// Touch lets the value under a key live for at least d from now on; see [Contents.Idle]. Anything but a value is left as it
// is. The error wraps [wire.ErrUnavailable].
func (c *Cache) Touch(ctx context.Context, key Key, d time.Duration) error {
	touches := []*wire.Call{touch(key.Addr(), d)}
	if c.schemas.lately() { // the entry keeps its variants alive
		touches = append(touches, touch(c.variantOf(&Ref{Key: key}), d))
	}
	return c.run(ctx, touches...)
}

func touch(addr string, d time.Duration) *wire.Call {
	return &wire.Call{Script: lua.Touch, Key: addr, Args: []any{envelope.ValuePrefix(), d.Milliseconds()}}
}

// Before is the state of an entry's tags before something was read or written. What is stored with it is a miss as
// soon as one of them is evicted.
type Before struct{ versions tagversion.Before }

// Before reads the versions of an entry's tags. The error wraps [wire.ErrUnavailable].
func (c *Cache) Before(ctx context.Context, ref *Ref) (Before, error) {
	if c.cfg.Life.Closed() {
		return Before{}, lifecycle.ErrClosed
	}
	s := c.snapshot(ref, true)
	if s.Asks() {
		if err := c.cfg.Wire.Run(ctx, s.Begins()...); err != nil {
			return Before{}, err
		}
	}
	s.Answered()
	return Before{s.Before(c.cfg.Wire.Clock.Now())}, nil
}

// Replacement makes a replacement of the entry, for a value that was written after before. It reports false if one of the
// value's tags was evicted, or held by a writer, since then.
func (c *Cache) Replacement(ctx context.Context, ref *Ref, before Before, r Contents) (eviction.Replacement, bool) {
	ref, added := c.withTags(ref, r.Tags)
	tags := c.scope.ValueTags(&before.versions, added, r.longest())
	c.cfg.Versions.CheckValueTags(ctx, tags)
	if extends := c.cfg.Versions.Extends(&c.scope, ref.tags, r.longest(), before.versions.Created); len(extends) > 0 {
		_ = c.cfg.Wire.Run(ctx, extends...) // where that fails the entry is a miss sooner
	}
	if !tags.Current() {
		return eviction.Replacement{Key: ref.Key}, false
	}
	record := c.record(ref, tags.Numbers(), before.versions.Created, r)
	return eviction.Replacement{Key: ref.Key, Record: record, TTL: r.lifetime()}, true
}
