package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jollyjet/aside/internal/lifecycle"
)

// ErrUndrained is what [Store.Close] returns when loads or evictions were left over: an [UndrainedError].
var ErrUndrained = errors.New("store: closed with work left")

// UndrainedError says what was left over when a store was closed. It is an [ErrUndrained].
type UndrainedError struct {
	Loads     bool // loads did not end although their contexts were cancelled
	Evictions int  // did not reach Redis: entries and tags that may be stale until their time to live is over
	Journaled bool // the evictions are in the journal, for the next process
}

func (e *UndrainedError) Error() string {
	text := fmt.Sprintf("%v: loads still running: %t, evictions not delivered: %d", ErrUndrained, e.Loads, e.Evictions)
	if e.Evictions > 0 && e.Journaled {
		text += " (kept in the journal)"
	}
	return text
}

// Is makes it an [ErrUndrained].
func (e *UndrainedError) Is(target error) bool { return target == ErrUndrained }

// ErrClosed is returned by everything but reads after [Store.Close].
var ErrClosed = lifecycle.ErrClosed

// Close is [Store.Shutdown] with [DrainTime] for the loads and as long again for the evictions.
func (s *Store) Close() error {
	loads, cancelLoads := context.WithTimeout(context.Background(), s.cfg.drain)
	defer cancelLoads()
	return s.shutdown(loads, func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), s.cfg.drain)
	})
}

// Shutdown ends the store: running loads may finish until ctx ends and are cancelled then, evictions that are still
// queued are tried once more, and background work stops. The client given to [Open] stays open. Reads through decorators
// go to the loader from now on; everything else returns [ErrClosed]. If loads or evictions are left over the error is an
// [UndrainedError], which says how many. It is safe to call Shutdown more than once, or after Close; further calls return
// nil.
func (s *Store) Shutdown(ctx context.Context) error {
	return s.shutdown(ctx, func() (context.Context, context.CancelFunc) { return context.WithCancel(ctx) })
}

func (s *Store) shutdown(loads context.Context, forEvictions func() (context.Context, context.CancelFunc)) error {
	if !s.life.Close() {
		return nil
	}
	s.tracker.End()
	ended := s.life.Drain(loads)
	ctx, cancel := forEvictions()
	defer cancel()
	s.breakers.Bypass()
	lost := s.outbox.Flush(ctx)
	s.outbox.Close()
	_ = s.client.Close() // nothing is sent any more, so a connection that can't be closed well matters to nobody
	if !ended || lost > 0 {
		return &UndrainedError{Loads: !ended, Evictions: lost, Journaled: s.outbox.Journaled()}
	}
	return nil
}

// Closed reports whether [Store.Close] has been called.
func (s *Store) Closed() bool { return s.life.Closed() }
