package evict

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/checkpoint"
	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/store"
)

// standbyPause is how often a process that does not lead tries to take the lead, or to reach Redis.
const standbyPause = 500 * time.Millisecond

// consumer follows a stream of changes while it has the lead. One goroutine runs it; what its other goroutines share
// with that one are counts, which are atomic, and channels.
type consumer[E any] struct {
	st      *store.Store
	name    string
	reader  changesReader[E]
	evictor changesEvictor[E]
	counts  *changesCounts
	failing bool // the source fails, and that is logged
}

func newConsumer[E any](st *store.Store, name string, source Source[E], set *targetSet[E, none], counts *changesCounts) *consumer[E] {
	return &consumer[E]{
		st: st, name: name, counts: counts,
		reader:  changesReader[E]{st, source, counts},
		evictor: changesEvictor[E]{st, name, set, counts},
	}
}

// run leads or stands by until ctx ends or the store is closed.
func (c *consumer[E]) run(ctx context.Context) {
	failed := pause.Backoff{Least: 50 * time.Millisecond, Most: 5 * time.Second}
	standby := pause.Backoff{Least: standbyPause, Most: standbyPause}
	for ctx.Err() == nil {
		began, handled, led := time.Now(), c.counts.handled.Load(), false
		err := guard(c.st, func() (err error) {
			led, err = c.tryToLead(ctx)
			return err
		})
		if errors.Is(err, store.ErrClosed) {
			return
		}
		if !led {
			standby.Wait(ctx)
			continue
		}
		if c.counts.handled.Load() > handled || time.Since(began) > failed.Most {
			failed.Reset()
		}
		failed.Wait(ctx)
	}
}

// tryToLead takes the checkpoint, unless another process has it, and consumes changes until it loses the checkpoint or
// something fails.
func (c *consumer[E]) tryToLead(ctx context.Context) (led bool, err error) {
	cp, err := c.st.Engine().Checkpoints.Take(ctx, c.name)
	if err != nil {
		return false, err
	}
	return true, c.lead(ctx, cp)
}

func (c *consumer[E]) lead(ctx context.Context, cp *checkpoint.Checkpoint) error {
	c.counts.leading.Store(true)
	within, end := context.WithCancelCause(ctx)
	var others sync.WaitGroup
	defer func() {
		end(nil)
		others.Wait()
		c.counts.received.Store(c.counts.handled.Load())
		c.counts.oldestPending.Store(0)
		c.counts.leading.Store(false)
		_ = cp.Release(context.WithoutCancel(ctx)) // after an error the lease expires
	}()
	others.Go(func() {
		if err := guard(c.st, func() error { return cp.Renew(within) }); err != nil {
			end(err)
		}
	})

	var streamErr error // written before changes is closed
	changes := make(chan Change[E], changesBatch)
	resumes := cp.At() != ""
	stream, err := c.reader.open(within, cp.At())
	if err != nil {
		return c.sourceFailed(within, cp, err)
	}
	others.Go(func() {
		defer close(changes)
		streamErr = c.reader.receive(within, stream, changes)
	})
	if !resumes {
		if err := c.evictor.reset(within); err != nil {
			return err
		}
	}
	if err := c.consume(within, cp, changes); err != nil {
		return err
	}
	return c.sourceFailed(within, cp, streamErr)
}

// consume handles changes. It returns nil when changes is closed.
func (c *consumer[E]) consume(ctx context.Context, cp *checkpoint.Checkpoint, changes <-chan Change[E]) error {
	for {
		batch := nextBatch(ctx, changes)
		if ctx.Err() != nil || len(batch) == 0 {
			return context.Cause(ctx)
		}
		if c.failing {
			c.failing = false
			c.st.Engine().Log.Info("aside: a source of changes has recovered", "changes", c.name)
		}
		if err := c.evictor.handle(ctx, cp, batch); err != nil {
			return err
		}
	}
}

// sourceFailed records a failure of the source, unless ctx ended it. It returns the cause.
func (c *consumer[E]) sourceFailed(ctx context.Context, cp *checkpoint.Checkpoint, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c.counts.failures.Add(1)
	if errors.Is(err, ErrPositionLost) {
		// If this fails the source is asked with the same position, and answers the same again.
		_ = cp.Save(context.WithoutCancel(ctx), "")
	}
	if !c.failing {
		c.failing = true
		c.st.Engine().Log.Warn("aside: a source of changes has failed; it is retried until it recovers", "changes", c.name, "cause", err)
	}
	return err
}
