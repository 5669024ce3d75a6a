package entry

import (
	"context"

	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/tagversion"
	"github.com/jollyjet/aside/internal/wire"
)

// blocked returns why Redis is not to be asked for the entry, or 0.
func (c *Cache) blocked(ref *Ref) Reason {
	switch {
	case c.cfg.Life.Closed():
		return StoreClosed
	case c.queued(ref):
		return EvictionQueued
	default:
		return 0
	}
}

// Read reads the entry in one round trip. The error wraps [wire.ErrUnavailable].
func (c *Cache) Read(ctx context.Context, ref *Ref) (Entry, error) {
	dataEpoch := c.cfg.Outbox.DataEpoch()
	if why := c.blocked(ref); why != 0 {
		return bypass(why), nil
	}
	e, err := c.read(ctx, ref)
	if err == nil && dataEpoch != c.cfg.Outbox.DataEpoch() {
		return bypass(DataChanged), nil // it may be what was evicted
	}
	return e, err
}

func (c *Cache) read(ctx context.Context, ref *Ref) (Entry, error) {
	s := c.snapshot(ref, false)
	if !s.Asks() {
		raw, err := c.cfg.Wire.Get(ctx, ref.Addr())
		if err != nil && !wire.Absent(err) {
			return Entry{}, wire.Unavailable(err)
		}
		return c.evaluateAll(ctx, ref, raw, err == nil, s)
	}
	raw, present, err := s.ReadWith(ctx, ref.Addr())
	if err != nil {
		return Entry{}, err
	}
	return c.evaluateAll(ctx, ref, raw, present, s)
}

// evaluateAll evaluates an entry, and asks for those of its tags that are open.
func (c *Cache) evaluateAll(ctx context.Context, ref *Ref, raw []byte, present bool, s *tagversion.Snapshot) (Entry, error) {
	e := c.evaluate(ref, raw, present, s)
	if !e.tags.Open() {
		return e, nil
	}
	open := e // a variable of its own, so that only an entry with open tags is allocated
	err := c.askTags(ctx, &open)[0]
	return open, err
}

// askTags asks for the tags that are open, in one round trip. It returns an error for each entry.
func (c *Cache) askTags(ctx context.Context, entries ...*Entry) []error {
	tags := make([]*tagversion.EntryTags, len(entries))
	for i, e := range entries {
		tags[i] = &e.tags
	}
	verdicts, errs := c.cfg.Versions.Ask(ctx, tags...)
	for i, e := range entries {
		e.apply(verdicts[i])
	}
	return errs
}

// ReadAll is [Cache.Read] for several entries in one round trip (one per node of a Cluster). Each has its own error.
func (c *Cache) ReadAll(ctx context.Context, refs []*Ref) ([]Entry, []error) {
	dataEpoch := c.cfg.Outbox.DataEpoch()
	entries, errs := make([]Entry, len(refs)), make([]error, len(refs))
	snapshots, reads := make([]*tagversion.Snapshot, len(refs)), make([]*wire.Call, len(refs))
	var calls []*wire.Call
	for i, ref := range refs {
		if why := c.blocked(ref); why != 0 {
			entries[i] = bypass(why)
			continue
		}
		snapshots[i], reads[i] = c.snapshot(ref, false), redisx.Get(ref.Addr())
		calls = append(append(calls, snapshots[i].Reads()...), reads[i])
	}
	if len(calls) == 0 {
		return entries, errs
	}
	c.cfg.Wire.Gather(ctx, calls)
	var open []*Entry
	var of []int
	for i, s := range snapshots {
		if s == nil {
			continue
		}
		if errs[i] = firstError(s, reads[i]); errs[i] != nil {
			continue
		}
		s.Answered()
		raw, err := reads[i].Reply.Text()
		if entries[i] = c.evaluate(refs[i], []byte(raw), err == nil, s); entries[i].tags.Open() {
			open, of = append(open, &entries[i]), append(of, i)
		}
	}
	for n, err := range c.askTags(ctx, open...) {
		errs[of[n]] = err
	}
	if dataEpoch != c.cfg.Outbox.DataEpoch() { // they may be what was evicted
		for i := range entries {
			entries[i] = bypass(DataChanged)
		}
	}
	return entries, errs
}

// firstError is that of the read of an entry, or of its snapshot.
func firstError(s *tagversion.Snapshot, read *wire.Call) error {
	if err := read.Err(); err != nil {
		return wire.Unavailable(err)
	}
	return s.Err()
}
