package eviction

import (
	"context"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/outbox"
	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/tagversion"
	"github.com/jollyjet/aside/internal/wire"
)

// Hold keeps entries and tags from being cached while a writer is at work. While it stands, reads go to the loader
// and store nothing. If its owner dies it expires, and leaves the entries evicted. One goroutine uses it, but for Renew.
type Hold struct {
	evictor   *Evictor
	token     envelope.Token
	keys      []Key
	dataEpoch uint64 // of the outbox, in which it was placed

	// unheld: some key may not have been held before the write. Its place may be carried out later, also between the write of
	// another and the end of this one, so nothing proves that the end may store anything.
	unheld  bool
	partial bool // some key may not be held at all
}

// Hold places a hold on the keys. After an error, which wraps [wire.ErrUnavailable], some of them may be held; [Hold.End]
// ends those as well.
func (e *Evictor) Hold(ctx context.Context, keys ...Key) (*Hold, error) {
	h := &Hold{evictor: e, token: envelope.NewToken(), keys: keys, dataEpoch: e.cfg.Outbox.DataEpoch(), unheld: true, partial: true}
	if e.cfg.Life.Over() {
		return h, lifecycle.ErrClosed
	}
	err := h.place(ctx, keys, "place")
	h.unheld, h.partial = err != nil, err != nil
	return h, err
}

// Extend adds keys that are known only after the write. It comes after Renew, and before End.
func (h *Hold) Extend(ctx context.Context, keys ...Key) {
	h.keys = slices.Concat(h.keys, keys)
	if h.evictor.cfg.Life.Over() || h.place(ctx, keys, "place") != nil {
		h.partial = true
	}
}

// place returns no error if every key is held.
func (h *Hold) place(ctx context.Context, keys []Key, how string) error {
	cfg := &h.evictor.cfg
	if len(keys) == 0 {
		return nil
	}
	calls := make([]*wire.Call, len(keys))
	for i, key := range keys {
		calls[i] = &wire.Call{Script: lua.Hold, Key: key.Addr(), Args: []any{
			envelope.HoldPrefix(), h.token[:], cfg.HoldTime.Milliseconds(), how,
		}}
	}
	err := cfg.Versions.BucketsFirst(ctx, cfg.Wire.Run, calls...)
	h.evictor.forget(keys)
	return err
}

// Renew renews the hold until done is closed, or ctx ends.
func (h *Hold) Renew(ctx context.Context, done <-chan struct{}) {
	pause.Renew(ctx, done, h.evictor.cfg.HoldTime/3, func() bool {
		_ = h.RenewOnce(ctx) // a hold that can't be renewed expires; End evicts in any case
		return true
	})
}

// RenewOnce is one step of Renew.
func (h *Hold) RenewOnce(ctx context.Context) error { return h.place(ctx, h.keys, "renew") }

// End ends the hold, or lets it stand for as long as stay if that is positive, and leaves the keys evicted. A replacement is
// stored in place of the hold on its key if no other writer and no eviction has come in between, and if all holds were
// confirmed before the write; otherwise that key is left evicted too. What can't be carried out is queued, and the error
// wraps [outbox.ErrQueued].
func (h *Hold) End(ctx context.Context, stay time.Duration, replace ...Replacement) error {
	if len(h.keys) == 0 {
		return nil
	}
	e := h.evictor
	if h.unheld || h.dataEpoch != e.cfg.Outbox.DataEpoch() {
		replace = nil // older data does not tell who else has written meanwhile
	}
	ctx, span := e.trace(ctx, e.kindsOf(h.keys), len(h.keys))
	e.count(h.keys)
	what := outbox.Eviction{Token: h.token}
	if stay > 0 {
		what.Until = time.Now().Add(stay)
	}
	err := h.end(ctx, what, stay, replace)
	span.End(err)
	return err
}

// end evicts keys that may rest on each other together, unless all were held until now.
func (h *Hold) end(ctx context.Context, what outbox.Eviction, stay time.Duration, replace []Replacement) error {
	e := h.evictor
	related := e.restOnEachOther(h.keys)
	if h.partial && related {
		return e.together(ctx, h.keys, what, h.keys)
	}
	calls := ends(h.keys, what.Token, stay, replace...)
	err := e.carryOut(ctx, h.keys, calls, what)
	lapsed := func(c *wire.Call) bool { return c.Reply != nil && c.Err() == nil && !tagversion.Found(c) }
	if related && slices.ContainsFunc(calls, lapsed) {
		return e.together(ctx, h.keys, what, h.keys)
	}
	return err
}
