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

	// ErrClosed is returned by everything but reads after [Store.Close].
	ErrClosed = errors.New("store: closed")

	// ErrUndrained is returned by [Store.Close] when loads or evictions were left over. The text says how many.
	ErrUndrained = errors.New("store: closed with work left")
)

func unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }
