package entry

import (
	"context"
	"slices"

	"github.com/jollyjet/aside/internal/tagversion"
	"github.com/jollyjet/aside/internal/wire"
)

// Proof is what Redis is asked for to confirm a value that is kept in process, where reads are strict: whether the entry is
// still the one that was read, and all versions that it depends on. The payload is not sent again.
type Proof struct {
	key      string // where the entry stands
	identity []byte
	anchor   []byte // of a variant
	numbers  []byte
	tags     []string // that the value has
}

// Proof returns the proof of an entry that was read, or nil if reads are not strict.
func (c *Cache) Proof(ref *Ref, e *Entry) *Proof {
	if !c.cfg.Versions.Strict() {
		return nil
	}
	return &Proof{ // copies, so that the payload does not stay in memory
		key: c.keyOf(ref, e), identity: slices.Clone(e.identity()), anchor: slices.Clone(e.anchor),
		numbers: slices.Clone(e.record.Versions), tags: e.record.Tags,
	}
}

// Confirm reports whether Redis still has the entry, and nothing that it depends on was evicted. It takes one round trip.
func (c *Cache) Confirm(ctx context.Context, ref *Ref, p *Proof) bool {
	dataEpoch := c.cfg.Outbox.DataEpoch()
	if c.blocked(ref) != 0 {
		return false
	}
	s := c.snapshot(ref, false)
	tags := c.cfg.Versions.ReadsOf(p.tags)
	heads := []*wire.Call{head(p.key, p.identity)}
	if p.anchor != nil {
		heads = append(heads, head(ref.Addr(), p.anchor))
	}
	if err := c.cfg.Wire.Run(ctx, slices.Concat(s.Reads(), tags, heads)...); err != nil {
		return false
	}
	s.Answered()
	for i, expected := range [][]byte{p.identity, p.anchor}[:len(heads)] {
		if found, err := heads[i].Reply.Text(); err != nil || found != string(expected) {
			return false
		}
	}
	return !s.Held() && s.Match(p.numbers, len(p.tags)) && tagversion.Same(tags, s.Named(p.numbers)) &&
		!slices.ContainsFunc(tags, func(tag *wire.Call) bool { return c.cfg.Outbox.Has(tag.Key) }) &&
		dataEpoch == c.cfg.Outbox.DataEpoch()
}

// head is a call that reads as much of a record as the expected start of it.
func head(addr string, expected []byte) *wire.Call {
	return &wire.Call{Name: "getrange", Key: addr, Args: []any{0, len(expected) - 1}}
}
