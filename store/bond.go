package store

import (
	"context"
	"slices"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/redisx"
)

// origin is what was known before a value was loaded or written.
type origin struct {
	gens    []byte        // of all that the entry depends on by its key
	groups  []markerState // of tags; see tagGroups
	created int64
}

// bond ties a value to tags that are known from it alone.
type bond struct {
	origin *origin
	ref    *Ref // with all tags, once tied
	gens   []byte
	starts []*call

	current bool // none of the tags was evicted, or held, since the origin
}

// bonded returns a ref with further tags, and their number.
func (p *Space) bonded(ref *Ref, tags []string) (Ref, int) {
	all := *ref
	all.tags = slices.Clip(ref.tags)
	for _, name := range tags {
		if addr := p.st.Tag(name).addr; !slices.Contains(all.tags, addr) {
			all.tags, all.names = append(all.tags, addr), append(all.names, name)
		}
	}
	return all, len(all.names)
}

func (p *Space) newBond(ref *Ref, o *origin, tags []string) *bond {
	all, n := p.bonded(ref, tags)
	b := &bond{origin: o, ref: &all, gens: slices.Clip(o.gens), current: true}
	for _, addr := range all.tags[len(all.tags)-n:] {
		b.starts = append(b.starts, p.start(addr))
	}
	return b
}

// start returns a call that reads a generation, and starts one where there is none.
func (p *Space) start(addr string) *call {
	fresh := envelope.NewGeneration(envelope.NewGen())
	return &call{Script: generationScript, Key: addr, Args: []any{fresh, p.keep.Milliseconds(), envelope.HoldPrefix()}}
}

// tie finds out which of the bonds hold. It takes two round trips, for the groups must not be read before the
// generations of the tags are settled.
func (s *Store) tie(ctx context.Context, bonds ...*bond) {
	var starts, reads []*call
	var groups [tagGroups]*call
	var learn [tagGroups]func(markerState)
	for _, b := range bonds {
		starts = append(starts, b.starts...)
		for _, c := range b.starts {
			if n := groupOf(c.Key); groups[n] == nil {
				groups[n] = redisx.Get(s.groups[n].key.addr)
				reads, learn[n] = append(reads, groups[n]), s.groups[n].reading(s)
			}
		}
	}
	if len(starts) == 0 {
		return
	}
	_ = s.run(ctx, starts...) // each bond looks at its own calls
	_ = s.run(ctx, reads...)
	for n, c := range groups {
		if c != nil && c.Err() == nil {
			learn[n](markerOf(c))
		}
	}
	for _, b := range bonds {
		for _, c := range b.starts {
			b.settle(c, groups[groupOf(c.Key)])
		}
	}
}

func (b *bond) settle(start, group *call) {
	if start.Err() != nil || group.Err() != nil || len(b.origin.groups) == 0 {
		b.current = false
		return
	}
	tag, now, before := markerOf(start), markerOf(group), b.origin.groups[groupOf(start.Key)]
	if tag.none() || now.none() || now != before {
		b.current = false
	}
	b.gens = append(b.gens, tag.gen[:]...)
}

// markerOf reads a marker from the reply of a call that was carried out.
func markerOf(c *call) markerState {
	raw, _ := c.Reply.Text()
	return parseMarker(raw)
}
