package eviction

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/outbox"
	"github.com/jollyjet/aside/internal/wire"
)

// mostNamed is how many keys a log line names.
const mostNamed = 10

// late evicts what a write has changed that ended when the store was closed for good: over a connection of its own, or by
// the next process if there is a journal.
func (e *Evictor) late(ctx context.Context, keys []Key, what outbox.Eviction) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.cfg.Timeout)
	defer cancel()
	err := e.evictAgain(ctx, keys, what)
	outcome := "they are evicted, over a new connection"
	if err != nil {
		what.Together = true
		if e.cfg.Outbox.Leave(what, keys...) {
			outcome = "they are in the journal; the next process evicts them"
		} else {
			outcome = "they are not evicted, and stale until their time to live is over; evict them by hand"
		}
		err = fmt.Errorf("%w: %w", lifecycle.ErrClosed, err)
	}
	named := keys[:min(len(keys), mostNamed)]
	e.cfg.Log.Error("aside: a write ended after the store was closed; wait for writes before you close it",
		"keys", len(keys), "first", fmt.Sprint(named), "outcome", outcome, "cause", err)
	return err
}

// evictAgain evicts over a new connection, which it closes.
func (e *Evictor) evictAgain(ctx context.Context, keys []Key, what outbox.Eviction) error {
	if e.cfg.Again == nil {
		return lifecycle.ErrClosed
	}
	w, versions, closeAll, err := e.cfg.Again()
	if err != nil {
		return err
	}
	defer closeAll()
	done, err := versions.Together(ctx, w.Deliver, e.cfg.HoldTime, ends(keys, what.Token, time.Until(what.Until))...)
	if done || errors.Is(err, wire.ErrUnreplicated) {
		return nil
	}
	return err
}
