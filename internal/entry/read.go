package entry

import (
	"context"

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
	if c.schemas.lately() {
		return c.readBoth(ctx, ref)
	}
	e, err := c.readMain(ctx, ref)
	if err == nil && e.anchor != nil {
		return c.readBoth(ctx, ref)
	}
	return e, err
}

// readMain reads the entry under the key.
func (c *Cache) readMain(ctx context.Context, ref *Ref) (Entry, error) {
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

// readBoth reads the entry under the key together with its variant.
func (c *Cache) readBoth(ctx context.Context, ref *Ref) (Entry, error) {
	entries, errs := make([]Entry, 1), make([]error, 1)
	c.carryOutReads(ctx, []*reading{c.newReading(ref, true)}, entries, errs)
	return entries[0], errs[0]
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
	reads, both := make([]*reading, len(refs)), c.schemas.lately()
	for i, ref := range refs {
		if why := c.blocked(ref); why != 0 {
			entries[i] = bypass(why)
		} else {
			reads[i] = c.newReading(ref, both)
		}
	}
	c.carryOutReads(ctx, reads, entries, errs)
	if again := c.variantsToRead(reads, entries); again != nil {
		c.carryOutReads(ctx, again, entries, errs)
	}
	if dataEpoch != c.cfg.Outbox.DataEpoch() { // they may be what was evicted
		for i := range entries {
			entries[i] = bypass(DataChanged)
		}
	}
	return entries, errs
}

// variantsToRead returns reads of those entries whose keys have an entry of another schema, unless their variants were read.
func (c *Cache) variantsToRead(reads []*reading, entries []Entry) (again []*reading) {
	for i, r := range reads {
		if r != nil && r.variant == nil && entries[i].anchor != nil {
			if again == nil {
				again = make([]*reading, len(reads))
			}
			again[i] = c.newReading(r.ref, true)
		}
	}
	return again
}

// carryOutReads carries the reads out that are not nil, in one round trip and one more if tags are open. It fills entries
// and errs at the same index.
func (c *Cache) carryOutReads(ctx context.Context, reads []*reading, entries []Entry, errs []error) {
	var calls []*wire.Call
	for _, r := range reads {
		if r != nil {
			calls = append(calls, r.calls()...)
		}
	}
	if len(calls) == 0 {
		return
	}
	c.cfg.Wire.Gather(ctx, calls)
	var open []*Entry
	var of []int
	for i, r := range reads {
		if r == nil {
			continue
		}
		if entries[i], errs[i] = r.answered(c); errs[i] == nil && entries[i].tags.Open() {
			open, of = append(open, &entries[i]), append(of, i)
		}
	}
	for n, err := range c.askTags(ctx, open...) {
		errs[of[n]] = err
	}
}
