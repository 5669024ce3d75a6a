package store

import (
	"context"

	"github.com/jollyjet/aside/internal/envelope"
)

// Put stores a value over whatever is there: the last write wins. Only the hold of a writer stays, and the value is
// not stored then. It reports whether it is, or was until somebody else stored or evicted something. A value that could
// not be stored may have left an older one behind, so after an error the entry is evicted as soon as Redis can be
// reached. The error wraps [ErrUnavailable].
//
// The value takes the place of a lease that is put there first: a command that arrives late, when the entry has been
// evicted since, finds no lease and so can't bring an old value back.
func (p *Space) Put(ctx context.Context, ref *Ref, r Result) (bool, error) {
	if p.st.life.closed.Load() {
		return false, ErrClosed
	}
	epoch := p.st.evictions.epoch.Load()
	lease := envelope.NewLease(envelope.NewToken())
	all, _ := p.bonded(ref, r.Tags)
	ref = &all
	look := p.look(ref, true)
	place := &call{Script: putScript, Key: ref.addr, Args: []any{envelope.HoldPrefix(), lease, p.st.cfg.lease.Milliseconds()}}
	err := p.st.run(ctx, append(look.starts(), place)...)
	if err == nil && place.Did() {
		look.answered()
		record := p.record(ref, look.gens(), p.st.clock.now(), r)
		err = p.st.run(ctx, &call{Script: casScript, Key: ref.addr, Args: []any{lease, "set", record, r.kept().Milliseconds()}})
	}
	p.st.changed(ref.addr)
	if err != nil {
		p.st.evictions.add(eviction{}, err, ref.Key)
		return false, err
	}
	p.st.evictions.confirmed([]Key{ref.Key}, []*call{place}, epoch, eviction{})
	return place.Did(), nil
}

// Start is the state of an entry's tags before something was read or written. What is stored with it is a miss as
// soon as one of them is evicted.
type Start struct{ origin }

// Start looks at the tags of an entry. The error wraps [ErrUnavailable].
func (p *Space) Start(ctx context.Context, ref *Ref) (Start, error) {
	if p.st.life.closed.Load() {
		return Start{}, ErrClosed
	}
	look := p.look(ref, true)
	if len(look.asks) > 0 {
		if err := p.st.run(ctx, look.starts()...); err != nil {
			return Start{}, err
		}
	}
	look.answered()
	return Start{look.origin(p.st.clock.now())}, nil
}
