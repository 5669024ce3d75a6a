package store

import (
	"github.com/jollyjet/aside/internal/outbox"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/wire"
)

var (
	// ErrClient is wrapped by the error of [Open] for a client that can't be used. The text says what to change.
	ErrClient = redisx.ErrClient

	// ErrUnavailable wraps what Redis or the way to it answered when a command could not be carried out. Reads
	// through a decorator never return it.
	ErrUnavailable = wire.ErrUnavailable

	// ErrQueued says that an eviction did not reach Redis yet. It is kept and repeated in the background; until it
	// succeeds this node does not read the keys concerned from Redis, but other nodes may. It wraps
	// [ErrUnavailable].
	ErrQueued = outbox.ErrQueued

	// ErrUnreplicated says that an eviction is carried out, but that fewer replicas than [WaitForReplicas] asks for have
	// confirmed it in time. If one of the others is promoted now, the eviction is undone until this node repeats it.
	ErrUnreplicated = wire.ErrUnreplicated

	// ErrJournal wraps why the path given to [Journal] can't be that of a journal.
	ErrJournal = outbox.ErrJournal
)
