package store

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/redisx"
)

// Step is one step of a [Space.Walk].
type Step struct {
	Keys     []Key    // found in it; a key may be found more than once in a walk
	Position Position // to go on from after it
	Masters  int      // to be walked
	Done     int      // of these, walked
}

// Walk goes through the entries of the space, whatever their state, by SCAN on one master after the other; a step looks
// at about count keys of whatever kind, and may find none. It begins where an earlier walk was left, with those masters
// from their beginning that were not there then: after a restart or a failover a server gives out its keys in another
// order. Entries are found that are there from the beginning to the end and do not move between masters meanwhile.
//
// An error ends the walk: it wraps [ErrUnavailable], or is that of ctx. The position before it is still good.
func (p *Space) Walk(ctx context.Context, from Position, count int64) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		at := from
		if at.space != "" && at.space != p.title() {
			yield(Step{}, fmt.Errorf("%w: it is one of %q, not of %q", errPosition, at.space, p.title()))
			return
		}
		masters, err := p.st.masters(ctx)
		if err != nil {
			yield(Step{}, orEnded(ctx, err))
			return
		}
		done := len(masters) - len(slices.DeleteFunc(slices.Clone(masters), func(m master) bool { return at.steps[m.id].done }))
		for _, m := range masters {
			for !at.steps[m.id].done {
				keys, next, err := p.scan(ctx, m, at.steps[m.id].cursor, count)
				if err != nil {
					yield(Step{}, orEnded(ctx, err))
					return
				}
				at = at.with(p.title(), m.id, step{cursor: next, done: next == 0})
				if next == 0 {
					done++
				}
				if !yield(Step{Keys: keys, Position: at, Masters: len(masters), Done: done}, nil) {
					return
				}
			}
		}
	}
}

// title names the space in positions.
func (p *Space) title() string { return p.st.cfg.namespace + " " + p.name }

func orEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// scan takes one step on a master.
func (p *Space) scan(ctx context.Context, m master, cursor uint64, count int64) (keys []Key, next uint64, err error) {
	page, err := m.node.Scan(ctx, cursor, literal(p.prefix)+"*}", count, m.id)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: SCAN: %w", ErrUnavailable, err)
	}
	keys, err = p.keysAt(ctx, page.Keys)
	return keys, page.Next, err
}

// keysAt returns the keys of the entries at the addresses. Where an address is a hash, the entry says of what; one that
// does not is none of ours, or is gone.
func (p *Space) keysAt(ctx context.Context, addrs []string) ([]Key, error) {
	keys := make([]Key, 0, len(addrs))
	var hashed []*call
	for _, addr := range addrs {
		if strings.HasPrefix(addr, p.prefix+"~") {
			hashed = append(hashed, redisx.Get(addr))
		} else {
			keys = append(keys, Key{addr: addr})
		}
	}
	if len(hashed) == 0 {
		return keys, nil
	}
	if err := p.st.run(ctx, hashed...); err != nil {
		return nil, err
	}
	for _, c := range hashed {
		raw, _ := c.Reply.Text()
		e, err := envelope.Parse([]byte(raw))
		if err == nil && textKey(p.prefix, string(e.Key)).addr == c.Key {
			keys = append(keys, Key{addr: c.Key, full: string(e.Key)})
		}
	}
	return keys, nil
}

// Parts is the opposite of [Space.Key]. It reports false for what is not the key of an entry.
func (p *Space) Parts(key Key) ([]string, bool) {
	text := key.full
	if text == "" {
		inner, prefixed := strings.CutPrefix(key.addr, p.prefix)
		inner, closed := strings.CutSuffix(inner, "}")
		if !prefixed || !closed {
			return nil, false
		}
		text = inner
	}
	parts := strings.Split(text, ",")
	for i, part := range parts {
		plain, err := url.PathUnescape(part) // reads more than Key writes, hence the check below
		if err != nil {
			return nil, false
		}
		parts[i] = plain
	}
	return parts, p.Key(parts...) == key
}
