package evict

import (
	"context"
	"errors"
	"time"
)

// ErrPositionLost is wrapped by the error of a [Source] or a [Stream] that can't continue from its position, for
// example because the source's log does not reach back that far. [FromChanges] then starts over.
var ErrPositionLost = errors.New("evict: the source can't continue from this position")

// Change is one change of a source, or only a position.
type Change[E any] struct {
	Event E    // the argument of the targets
	Idle  bool // nothing has changed and Event is ignored: the source only reports its position

	// Position is where to continue after this change: any bytes that the source understands. It may be empty where the
	// source can't continue from, such as in the middle of a transaction.
	Position string

	// At is when the change was made, for [ChangesStats.Lag]. If it is zero, the time of receipt is used.
	At time.Time
}

// Stream is an open stream of changes. Its methods are called from one goroutine.
type Stream[E any] interface {
	// Next waits for the next change. It returns an error, of any kind, when the stream has ended, and soon after ctx has
	// ended.
	Next(ctx context.Context) (Change[E], error)

	// Close is called once, after the last Next.
	Close() error
}

// Source opens the stream of the changes after a position. If the position is empty, the stream starts now: it must not
// miss a change that is made after the source has returned. A source returns soon after ctx has ended; the stream gets
// a context of its own. After an error, which is logged, the source is called again.
//
// The stream may deliver a change more than once, and several changes as one. The order must be such that every
// position covers all changes delivered before it. After several failures at one position the source may be called
// without one, to find out whether only that position fails; the position is used again if not.
type Source[E any] func(ctx context.Context, after string) (Stream[E], error)
