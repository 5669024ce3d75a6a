package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jollyjet/aside/internal/lifecycle"
)

// ErrUndrained is what [Store.Close] returns when loads, writes or evictions were left over: an [UndrainedError].
var ErrUndrained = errors.New("store: closed with work left")

// UndrainedError says what was left over when a store was closed. It is an [ErrUndrained].
type UndrainedError struct {
	Loads     bool // loads did not end although their contexts were cancelled
	Writes    int  // decorated writes still running; each evicts over a connection of its own when it ends
	Evictions int  // did not reach Redis: entries and tags that may be stale until their time to live is over
	Journaled bool // the evictions are in the journal, for the next process
}

func (e *UndrainedError) Error() string {
	text := fmt.Sprintf("%v: loads still running: %t, evictions not delivered: %d", ErrUndrained, e.Loads, e.Evictions)
	if e.Evictions > 0 && e.Journaled {
		text += " (kept in the journal)"
	}
	if e.Writes > 0 {
		text += fmt.Sprintf(", writes still running: %d", e.Writes)
	}
	return text
}

// Is makes it an [ErrUndrained].
func (e *UndrainedError) Is(target error) bool { return target == ErrUndrained }

// ErrClosed is returned by everything but reads and decorated writes after [Store.Close]. A direct eviction that returns it
// has evicted nothing.
var ErrClosed = lifecycle.ErrClosed

// Close is [Store.Shutdown] with [DrainTime] for the loads and writes, and as long again for the evictions. A write or a loader
// that calls it waits for itself that long.
func (s *Store) Close() error {
	loads, cancelLoads := context.WithTimeout(context.Background(), s.cfg.drain)
	defer cancelLoads()
	return s.shutdown(loads, func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), s.cfg.drain)
	})
}

// Shutdown ends the store: running loads and decorated writes may finish until ctx ends, loads are cancelled then, evictions
// that are still queued are tried once more, and background work stops. The client given to [Open] stays open. Reads through
// decorators go to the loader from now on; everything else but decorated writes returns [ErrClosed].
//
// A decorated write that ends later keeps its result and error. Its evictions are tried once over a new connection, within
// [Timeout], whatever its context says; if that fails they are left in the [Journal], if there is one. Either way one ERROR
// line says so. Better end the writes first, as http.Server.Shutdown does.
//
// If loads, writes or evictions are left over the error is an [UndrainedError], which says how many. It is safe to call
// Shutdown more than once, or after Close; further calls return nil. A write or a loader that calls it waits for itself until
// ctx ends.
func (s *Store) Shutdown(ctx context.Context) error {
	return s.shutdown(ctx, func() (context.Context, context.CancelFunc) { return context.WithCancel(ctx) })
}

func (s *Store) shutdown(loads context.Context, forEvictions func() (context.Context, context.CancelFunc)) error {
	if !s.life.Close() {
		return nil
	}
	s.tracker.End()
	left := s.life.Drain(loads)
	ctx, cancel := forEvictions()
	defer cancel()
	s.breakers.Bypass()
	lost := s.outbox.Flush(ctx)
	s.outbox.Close()
	_ = s.client.Close() // nothing is sent any more, so a connection that can't be closed well matters to nobody
	if left != (lifecycle.Left{}) || lost > 0 {
		return &UndrainedError{Loads: left.Loads, Writes: left.Writes, Evictions: lost, Journaled: s.outbox.Journaled()}
	}
	return nil
}

// Closed reports whether [Store.Close] has been called.
func (s *Store) Closed() bool { return s.life.Closed() }
