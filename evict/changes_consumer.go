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

const (
	// standbyPause is how often a process that does not lead tries to take the lead, or to reach Redis.
	standbyPause = 500 * time.Millisecond

	// handOverAfter is after how many failures in a row another process may try. It is more than it takes to pass a
	// change that can't be read.
	handOverAfter = 10
)

// consumer follows a stream of changes while it has the lead. One goroutine runs it; what its other goroutines share
// with that one are counts, which are atomic, and channels.
//
// Invariants: a position is saved only when all before it is evicted. Where a stream begins without a position,
// everything is evicted after it was opened and before its first position is saved.
type consumer[E any] struct {
	st      *store.Store
	name    string
	reader  changesReader[E]
	evictor changesEvictor[E]
	counts  *changesCounts
	trouble trouble
	pauses  pause.Backoff // between failures of the source
}

func newConsumer[E any](st *store.Store, name string, source Source[E], set *targetSet[E, none], counts *changesCounts) *consumer[E] {
	return &consumer[E]{
		st: st, name: name, counts: counts,
		reader:  changesReader[E]{st, source, counts},
		evictor: changesEvictor[E]{st: st, name: name, set: set, counts: counts},
		pauses:  pause.Backoff{Least: leastPause, Most: mostPause},
	}
}

// run leads or stands by until ctx ends or the store is closed.
func (c *consumer[E]) run(ctx context.Context) {
	standby := pause.Backoff{Least: standbyPause, Most: standbyPause}
	for ctx.Err() == nil {
		led := false
		err := guard(c.st, func() error {
			cp, err := c.st.Engine().Checkpoints.Take(ctx, c.name)
			if err != nil {
				return err
			}
			led = true
			return c.lead(ctx, cp)
		})
		switch {
		case errors.Is(err, store.ErrClosed):
			return
		case led:
			c.pauses.Wait(ctx)
		default:
			if errors.Is(err, checkpoint.ErrTaken) {
				c.counts.recovered() // it is for another process to say how the source is
			}
			standby.Wait(ctx)
		}
	}
}

// lead consumes changes until the checkpoint is lost, ctx ends, or the source has failed so often that another process
// should try. It keeps the checkpoint while the source fails, so that a position that could not be saved is not lost.
func (c *consumer[E]) lead(ctx context.Context, cp *checkpoint.Checkpoint) error {
	c.counts.leading.Store(true)
	within, end := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	defer func() {
		end(nil)
		renewing.Wait()
		c.counts.leading.Store(false)
		_ = cp.Release(context.WithoutCancel(ctx)) // after an error the lease expires
	}()
	renewing.Go(func() {
		if err := guard(c.st, func() error { return cp.Renew(within) }); err != nil {
			end(err)
		}
	})
	for {
		began := time.Now()
		err := guard(c.st, func() error { return c.follow(within, cp) })
		switch {
		case within.Err() != nil:
			return context.Cause(within)
		case errors.Is(err, store.ErrClosed) || errors.Is(err, checkpoint.ErrTaken):
			return err
		case errors.Is(err, errWell):
			continue
		}
		c.sourceFailed(within, cp, err, time.Since(began))
		if c.trouble.failures > 0 && c.trouble.failures%handOverAfter == 0 && cp.Saved() {
			return err
		}
		c.pauses.Wait(within)
	}
}

// follow opens one stream and consumes it until it fails. It returns [errWell] if it was a trial of the source only.
func (c *consumer[E]) follow(ctx context.Context, cp *checkpoint.Checkpoint) error {
	ctx, end := context.WithCancel(ctx)
	var receiving sync.WaitGroup
	defer func() {
		end()
		receiving.Wait()
		c.counts.received.Store(c.counts.handled.Load())
		c.counts.oldestPending.Store(0)
	}()
	f := &following[E]{consumer: c, cp: cp, trial: c.trouble.tryWithout(cp.At())}
	after := cp.At()
	if f.trial {
		after = ""
	}
	f.owesReset = after == ""
	stream, err := c.reader.open(ctx, after)
	if err != nil {
		return err
	}
	var streamErr error // written before changes is closed
	changes := make(chan Change[E], changesBatch)
	receiving.Go(func() {
		defer close(changes)
		streamErr = c.reader.receive(ctx, stream, changes)
	})
	if err := f.consume(ctx, changes); err != nil {
		return err
	}
	return streamErr
}

// sourceFailed records a failure of the source. It gives the position up if it is lost, or if only this position fails.
func (c *consumer[E]) sourceFailed(ctx context.Context, cp *checkpoint.Checkpoint, err error, after time.Duration) {
	log := c.st.Engine().Log
	if c.counts.failed(err) {
		log.Warn("aside: a source of changes has failed; it is retried until it recovers", "changes", c.name, "cause", err)
	}
	unreadable := c.trouble.failed(cp.At(), after)
	if !unreadable && !errors.Is(err, ErrPositionLost) {
		return
	}
	if unreadable {
		c.counts.passed.Add(1)
		log.Error("aside: a source of changes works, but not from the stored position; this position is given up, and everything that its targets cover is evicted. Find out which change can't be read",
			"changes", c.name, "position", cp.At(), "cause", err)
	}
	// If this fails, Renew saves it. A process that dies before that leaves the position, whose loss is then found again.
	_ = cp.Save(context.WithoutCancel(ctx), "")
}
