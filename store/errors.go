package store

import (
	"errors"
	"fmt"

	"github.com/jollyjet/aside/internal/redisx"
)

var (
	// ErrClient is wrapped by the error of [Open] for a client that can't be used. The text says what to change.
	ErrClient = redisx.ErrClient

	// ErrUnavailable wraps what Redis or the way to it answered when a command could not be carried out. Reads
	// through a decorator never return it.
	ErrUnavailable = errors.New("store: Redis did not carry out the command")

	// ErrQueued says that an eviction did not reach Redis yet. It is kept and repeated in the background; until it
	// succeeds this node does not read the keys concerned from Redis, but other nodes may. It wraps
	// [ErrUnavailable].
	ErrQueued = fmt.Errorf("store: eviction queued: %w", ErrUnavailable)

	// ErrUnreplicated says that an eviction is carried out, but that fewer replicas than [WaitForReplicas] asks for have
	// confirmed it in time. If one of the others is promoted now, the eviction is undone until this node repeats it.
	ErrUnreplicated = errors.New("store: eviction not yet confirmed by replicas")

	// ErrJournal wraps why the file given to [Journal] can't be used.
	ErrJournal = errors.New("store: the journal can't be used")

	// ErrClosed is returned by everything but reads after [Store.Close].
	ErrClosed = errors.New("store: closed")

	// ErrUndrained is what [Store.Close] returns when loads or evictions were left over: an [UndrainedError].
	ErrUndrained = errors.New("store: closed with work left")
)

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

func unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
