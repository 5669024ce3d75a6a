package entry

import (
	"bytes"
	"fmt"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/tagversion"
	"github.com/jollyjet/aside/internal/wire"
)

// variantOf is where the variant of an entry stands.
func (c *Cache) variantOf(ref *Ref) string { return fmt.Sprintf("%s:%016x", ref.Addr(), c.schema) }

// evaluateBoth evaluates the entry under the key, or the variant if the key has an entry of another schema.
func (c *Cache) evaluateBoth(ref *Ref, raw []byte, present bool, variant []byte, s *tagversion.Snapshot) Entry {
	e := c.evaluate(ref, raw, present, s)
	if e.anchor != nil {
		c.evaluateVariant(&e, ref, variant, s)
	}
	return e
}

// evaluateVariant evaluates what stands beside the anchor of e.
func (c *Cache) evaluateVariant(e *Entry, ref *Ref, raw []byte, s *tagversion.Snapshot) {
	c.bytesRead.Add(int64(len(raw)))
	e.raw = raw
	switch {
	case envelope.KindOf(raw) == envelope.Lease:
		e.State, e.Reason = Leased, 0
	case bytes.HasPrefix(raw, e.anchor):
		e.Reason = 0
		c.evaluateRecord(e, ref, raw[len(e.anchor):], s)
	}
}

// identity is the start of what stands under the key of the entry, or of its variant, that no other write shares.
func (e *Entry) identity() []byte {
	if e.anchor == nil {
		return envelope.Identity(e.raw)
	}
	return e.raw[:min(len(e.raw), len(e.anchor)+envelope.IdentityLen)]
}

// keyOf is where an entry that was found stands.
func (c *Cache) keyOf(ref *Ref, found *Entry) string {
	if found.anchor == nil {
		return ref.Addr()
	}
	return c.variantOf(ref)
}

// reading is the read of an entry, and of its variant where one is expected.
type reading struct {
	ref      *Ref
	snapshot *tagversion.Snapshot
	main     *wire.Call
	variant  *wire.Call // nil: not read
}

func (c *Cache) newReading(ref *Ref, both bool) *reading {
	r := &reading{ref: ref, snapshot: c.snapshot(ref, false), main: redisx.Get(ref.Addr())}
	if both {
		r.variant = redisx.Get(c.variantOf(ref))
	}
	return r
}

func (r *reading) calls() []*wire.Call {
	calls := append(r.snapshot.Reads(), r.main)
	if r.variant != nil {
		calls = append(calls, r.variant)
	}
	return calls
}

// answered evaluates what was read.
func (r *reading) answered(c *Cache) (Entry, error) {
	for _, read := range []*wire.Call{r.main, r.variant} {
		if read != nil && read.Err() != nil {
			return Entry{}, wire.Unavailable(read.Err())
		}
	}
	if err := r.snapshot.Err(); err != nil {
		return Entry{}, err
	}
	r.snapshot.Answered()
	raw, err := r.main.Reply.Text()
	present := err == nil
	if r.variant == nil {
		return c.evaluate(r.ref, []byte(raw), present, r.snapshot), nil
	}
	variant, _ := r.variant.Reply.Text() // without text there is none
	return c.evaluateBoth(r.ref, []byte(raw), present, []byte(variant), r.snapshot), nil
}
