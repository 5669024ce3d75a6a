package evict

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/checkpoint"
	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/store"
)

const (
	changesBatch = 512                    // changes that are evicted together at most
	standby      = 500 * time.Millisecond // how often a process asks that waits for its turn, or for Redis
)

// consumer is the part of [Changes] that knows the type of the events.
type consumer[E any] struct {
	*Changes
	source  Source[E]
	plan    *plan[E, none]
	failing bool // the source, and that is logged
}

// run takes turns until ctx ends or the store is closed.
func (c *consumer[E]) run(ctx context.Context) {
	again := backoff{least: 50 * time.Millisecond, most: 5 * time.Second}
	for ctx.Err() == nil {
		began, handled, led := time.Now(), c.counts.handled.Load(), false
		err := c.guard(func() (err error) {
			led, err = c.turn(ctx)
			return err
		})
		if errors.Is(err, store.ErrClosed) {
			return
		}
		if c.counts.handled.Load() > handled || time.Since(began) > again.most {
			again.next = 0
		}
		if !led {
			again.next = standby
		}
		again.sleep(ctx)
	}
}

// turn takes the position, if it can, and consumes changes for as long as it is this process's and nothing fails.
func (c *consumer[E]) turn(ctx context.Context) (led bool, err error) {
	position, err := c.plan.st.Engine().Checkpoints.Take(ctx, c.name)
	if err != nil {
		return false, err
	}
	return true, c.lead(ctx, position)
}

func (c *consumer[E]) lead(ctx context.Context, position *checkpoint.Checkpoint) error {
	c.counts.leading.Store(true)
	within, end := context.WithCancelCause(ctx)
	var others sync.WaitGroup
	defer func() {
		end(nil)
		others.Wait()
		c.counts.received.Store(c.counts.handled.Load())
		c.counts.oldest.Store(0)
		c.counts.leading.Store(false)
		_ = position.Release(context.WithoutCancel(ctx)) // else its lease ends by itself
	}()
	others.Go(func() {
		if err := c.guard(func() error { return position.Renew(within) }); err != nil {
			end(err)
		}
	})

	var broken error // of the stream; written before changes is closed
	changes := make(chan Change[E], changesBatch)
	began := position.At() != ""
	stream, err := c.open(within, position.At())
	if err != nil {
		return c.failed(within, position, err)
	}
	others.Go(func() {
		defer close(changes)
		broken = c.read(within, stream, changes)
	})
	if !began {
		if err := c.reset(within); err != nil {
			return err
		}
	}
	if err := c.consume(within, position, changes); err != nil {
		return err
	}
	return c.failed(within, position, broken)
}

func (c *consumer[E]) open(ctx context.Context, after string) (stream Stream[E], err error) {
	err = c.guard(func() (err error) {
		stream, err = c.source(ctx, after)
		return err
	})
	if err == nil && stream == nil {
		err = errors.New("evict: FromChanges: the source returned neither a stream nor an error")
	}
	return stream, err
}

// failed takes note of a failure of the source. It returns what the turn has ended with.
func (c *consumer[E]) failed(ctx context.Context, position *checkpoint.Checkpoint, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c.counts.failures.Add(1)
	if errors.Is(err, ErrPositionLost) {
		// Where that can't be stored now the source will say the same again.
		_ = position.Save(context.WithoutCancel(ctx), "")
	}
	if !c.failing {
		c.failing = true
		c.plan.st.Engine().Log.Warn("aside: a source of changes has failed; it is tried again until it goes on", "changes", c.name, "cause", err)
	}
	return err
}

// guard makes an error of a panic.
func (c *consumer[E]) guard(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			c.plan.st.Engine().Life.Recovered("evict: FromChanges", value)
			err = fmt.Errorf("evict: FromChanges: panic: %v", value)
		}
	}()
	return f()
}

// backoff is a pause that doubles each time.
type backoff struct{ least, most, next time.Duration }

// sleep reports false if ctx ended first.
func (b *backoff) sleep(ctx context.Context) bool {
	wait := max(b.next, b.least)
	b.next = min(2*wait, b.most)
	return pause.For(ctx, wait/2+rand.N(wait))
}
