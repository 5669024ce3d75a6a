package store

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
)

// Hold keeps entries and tags from being cached while a writer is at work. While it stands, reads go to the loader
// and store nothing. If its owner dies it expires, and leaves the entries evicted.
type Hold struct {
	st    *Store
	token envelope.Token
	keys  []Key
	epoch uint64 // in which it was placed
}

// Hold places a hold on the keys. After an error, which wraps [ErrUnavailable], some of them may be held; [Hold.End]
// ends those as well.
func (s *Store) Hold(ctx context.Context, keys ...Key) (*Hold, error) {
	h := &Hold{st: s, token: envelope.NewToken(), keys: keys, epoch: s.evictions.epoch.Load()}
	if s.life.closed.Load() {
		return h, ErrClosed
	}
	err := h.place(ctx, "place")
	s.forget(keys)
	return h, err
}

func (h *Hold) place(ctx context.Context, how string) error {
	calls := make([]*call, len(h.keys))
	for i, key := range h.keys {
		calls[i] = &call{Script: holdScript, Key: key.addr, Args: []any{
			envelope.HoldPrefix(), h.token[:], h.st.cfg.hold.Milliseconds(), how,
		}}
	}
	return h.st.tagsFirst(ctx, h.st.run, calls...)
}

// Keep renews the hold until done is closed, or ctx ends.
func (h *Hold) Keep(ctx context.Context, done <-chan struct{}) {
	tick := time.NewTicker(h.st.cfg.hold / 3)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = h.place(ctx, "renew") // a hold that can't be renewed expires; End evicts in any case
		}
	}
}

// Replacement is a value to take the place of a hold on its key.
type Replacement struct {
	Key    Key
	Record []byte
	TTL    time.Duration
}

// Replacement makes a replacement of the entry, for a value that was written after start. It reports false if one of the
// value's tags was evicted, or held by a writer, since then.
func (p *Space) Replacement(ctx context.Context, ref *Ref, start Start, r Result) (Replacement, bool) {
	b := p.newBond(ref, &start.origin, r.Tags)
	p.st.tie(ctx, b)
	if !b.current {
		return Replacement{Key: ref.Key}, false
	}
	return Replacement{Key: ref.Key, Record: p.record(b.ref, b.gens, start.created, r), TTL: r.kept()}, true
}

// End ends the hold, or lets it stand for as long as stay if that is positive, and leaves the keys evicted. A
// replacement is stored in place of the hold on its key if no other writer and no eviction has come in between;
// otherwise that key is left evicted too. What can't be carried out is queued, and the error wraps [ErrQueued].
func (h *Hold) End(ctx context.Context, stay time.Duration, replace ...Replacement) error {
	if len(h.keys) == 0 {
		return nil
	}
	ctx, tracing := h.st.traceEviction(ctx, h.keys)
	if h.epoch != h.st.evictions.epoch.Load() {
		replace = nil // an older state does not know who else has written meanwhile
	}
	calls := make([]*call, len(h.keys))
	for i, key := range h.keys {
		record, ttl := []byte{}, int64(0)
		for _, r := range replace {
			if r.Key == key {
				record, ttl = r.Record, r.TTL.Milliseconds()
			}
		}
		calls[i] = &call{Script: unholdScript, Key: key.addr, Args: []any{
			envelope.HoldPrefix(), h.token[:], stay.Milliseconds(), record, ttl,
		}}
	}
	h.st.countEvictions(h.keys)
	e := eviction{token: h.token}
	if stay > 0 {
		e.until = time.Now().Add(stay)
	}
	err := h.st.settle(ctx, h.keys, calls, e)
	tracing.End(err)
	return err
}
