package evict

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/checkpoint"
)

// following is one open stream, until it fails.
type following[E any] struct {
	*consumer[E]
	cp        *checkpoint.Checkpoint
	owesReset bool // everything that the targets cover is yet to be evicted
	trial     bool // the stream only shows whether the source works; nothing is evicted or saved
}

// consume handles changes. It returns nil when changes is closed.
//
// A stream is proven once it has moved the position, or has lasted for a while. Only then it is a recovery, and only then
// what it owes is evicted: a stream that is opened and fails at once, again and again, empties no cache.
func (f *following[E]) consume(ctx context.Context, changes <-chan Change[E]) error {
	proof := time.NewTimer(f.trouble.probation(f.trial))
	defer proof.Stop()
	long := time.NewTimer(mostPause)
	defer long.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-long.C:
			if !f.trial {
				f.trouble.passed()
				f.pauses.Reset()
			}
		case <-proof.C:
			if err := f.proven(ctx); err != nil {
				return err
			}
		case first, ok := <-changes:
			if !ok {
				return nil
			}
			if err := f.handle(ctx, nextBatch(first, changes)); err != nil {
				return err
			}
		}
	}
}

func (f *following[E]) handle(ctx context.Context, batch []Change[E]) error {
	moves := lastPosition(batch, f.cp.At()) != f.cp.At()
	if f.trial || moves {
		if err := f.proven(ctx); err != nil {
			return err
		}
	}
	if err := f.evictor.handle(ctx, f.cp, batch); err != nil {
		return err
	}
	if moves {
		f.trouble.passed()
		f.pauses.Reset()
	}
	return nil
}

// proven says that the stream works.
func (f *following[E]) proven(ctx context.Context) error {
	f.trouble.proven(f.trial)
	if f.trial {
		return errWell
	}
	if f.counts.recovered() {
		f.st.Engine().Log.Info("aside: a source of changes has recovered", "changes", f.name)
	}
	if !f.owesReset {
		return nil
	}
	f.owesReset = false
	return f.evictor.reset(ctx)
}
