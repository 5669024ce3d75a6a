package store

import (
	"context"

	"github.com/jollyjet/aside/internal/envelope"
)

// Put stores a value over whatever is there: the last write wins. Only the hold of a writer stays, and the value is
// not stored then. It reports whether it is. A value that could not be stored may have left an older one behind, so
// after an error the entry is evicted as soon as Redis can be reached. The error wraps [ErrUnavailable].
func (p *Space) Put(ctx context.Context, ref *Ref, r Result) (bool, error) {
	start, err := p.Start(ctx, ref)
	if err != nil {
		p.st.evictions.add(ref.Key)
		return false, err
	}
	record := p.record(ref, start.gens, start.created, r)
	put := &call{Script: putScript, Key: ref.addr, Args: []any{envelope.HoldPrefix(), record, r.kept()}}
	if err := p.st.run(ctx, put); err != nil {
		p.st.evictions.add(ref.Key)
		return false, err
	}
	p.st.changed(ref.addr)
	return put.Did(), nil
}

// Start is the state of an entry's tags before something was read or written. What is stored with it is a miss as
// soon as one of them is evicted.
type Start struct {
	gens    []byte
	created int64
}

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
	return Start{gens: look.gens(), created: p.st.clock.now()}, nil
}
