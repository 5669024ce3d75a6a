package eviction

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/outbox"
	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/wire"
)

// Hold keeps entries and tags from being cached while a writer is at work. While it stands, reads go to the loader
// and store nothing. If its owner dies it expires, and leaves the entries evicted.
type Hold struct {
	evictor   *Evictor
	token     envelope.Token
	keys      []Key
	dataEpoch uint64 // of the outbox, in which it was placed
}

// Hold places a hold on the keys. After an error, which wraps [wire.ErrUnavailable], some of them may be held; [Hold.End]
// ends those as well.
func (e *Evictor) Hold(ctx context.Context, keys ...Key) (*Hold, error) {
	h := &Hold{evictor: e, token: envelope.NewToken(), keys: keys, dataEpoch: e.cfg.Outbox.DataEpoch()}
	if e.cfg.Life.Closed() {
		return h, lifecycle.ErrClosed
	}
	err := h.place(ctx, "place")
	e.forget(keys)
	return h, err
}

func (h *Hold) place(ctx context.Context, how string) error {
	cfg := &h.evictor.cfg
	calls := make([]*wire.Call, len(h.keys))
	for i, key := range h.keys {
		calls[i] = &wire.Call{Script: lua.Hold, Key: key.Addr(), Args: []any{
			envelope.HoldPrefix(), h.token[:], cfg.HoldTime.Milliseconds(), how,
		}}
	}
	return cfg.Versions.BucketsFirst(ctx, cfg.Wire.Run, calls...)
}

// Renew renews the hold until done is closed, or ctx ends.
func (h *Hold) Renew(ctx context.Context, done <-chan struct{}) {
	pause.Renew(ctx, done, h.evictor.cfg.HoldTime/3, func() bool {
		_ = h.RenewOnce(ctx) // a hold that can't be renewed expires; End evicts in any case
		return true
	})
}

// RenewOnce is one step of Renew.
func (h *Hold) RenewOnce(ctx context.Context) error { return h.place(ctx, "renew") }

// Replacement is a value to take the place of a hold on its key.
type Replacement struct {
	Key    Key
	Record []byte
	TTL    time.Duration
}

// End ends the hold, or lets it stand for as long as stay if that is positive, and leaves the keys evicted. A
// replacement is stored in place of the hold on its key if no other writer and no eviction has come in between;
// otherwise that key is left evicted too. What can't be carried out is queued, and the error wraps [outbox.ErrQueued].
func (h *Hold) End(ctx context.Context, stay time.Duration, replace ...Replacement) error {
	if len(h.keys) == 0 {
		return nil
	}
	e := h.evictor
	ctx, span := e.trace(ctx, e.kindsOf(h.keys), len(h.keys))
	if h.dataEpoch != e.cfg.Outbox.DataEpoch() {
		replace = nil // older data does not tell who else has written meanwhile
	}
	calls := make([]*wire.Call, len(h.keys))
	for i, key := range h.keys {
		record, ttl := []byte{}, int64(0)
		for _, r := range replace {
			if r.Key == key {
				record, ttl = r.Record, r.TTL.Milliseconds()
			}
		}
		calls[i] = &wire.Call{Script: lua.Unhold, Key: key.Addr(), Args: []any{
			envelope.HoldPrefix(), h.token[:], stay.Milliseconds(), record, ttl,
		}}
	}
	e.count(h.keys)
	what := outbox.Eviction{Token: h.token}
	if stay > 0 {
		what.Until = time.Now().Add(stay)
	}
	err := e.carryOut(ctx, h.keys, calls, what)
	span.End(err)
	return err
}
