package evict

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jollyjet/aside/store"
)

const (
	changesBatch = 512                    // changes that are evicted together at most
	standby      = 500 * time.Millisecond // how often a process asks that waits for its turn, or for Redis
)

// consumer is the part of [Changes] that knows the type of the events.
type consumer[E any] struct {
	*Changes
	name    string
	source  Source[E]
	plan    *plan[E, none]
	failing bool // the source, and that is logged
}

// run takes turns until ctx ends or the store is closed.
func (c *consumer[E]) run(ctx context.Context) {
	again := backoff{least: 50 * time.Millisecond, most: 5 * time.Second}
	for ctx.Err() == nil {
		began, handled := time.Now(), c.counts.handled.Load()
		err := c.guard(func() error { return c.turn(ctx) })
		if errors.Is(err, store.ErrClosed) {
			return
		}
		if c.counts.handled.Load() > handled || time.Since(began) > again.most {
			again.next = 0
		}
		if errors.Is(err, store.ErrTaken) || errors.Is(err, store.ErrUnavailable) {
			again.next = standby
		}
		again.sleep(ctx)
	}
}

// turn consumes changes for as long as this process owns the position and nothing fails.
func (c *consumer[E]) turn(ctx context.Context) error {
	position, err := c.plan.st.TakePosition(ctx, c.name)
	if err != nil {
		return err
	}
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
		if err := c.guard(func() error { return position.Keep(within) }); err != nil {
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
func (c *consumer[E]) failed(ctx context.Context, position *store.Position, err error) error {
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
		c.plan.st.Log().Warn("aside: a source of changes has failed; it is tried again until it goes on", "changes", c.name, "cause", err)
	}
	return err
}

// read receives changes until the stream fails or ctx ends, and closes the stream.
func (c *consumer[E]) read(ctx context.Context, stream Stream[E], changes chan<- Change[E]) error {
	defer func() { _ = c.guard(stream.Close) }() // nothing is left to be learnt from it
	return c.guard(func() error {
		for {
			change, err := stream.Next(ctx)
			if err != nil {
				return err
			}
			if change.At.IsZero() {
				change.At = time.Now()
			}
			if !change.Idle {
				c.counts.received.Add(1)
			}
			select {
			case changes <- change:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
}

// reset evicts everything that the targets can concern.
func (c *consumer[E]) reset(ctx context.Context) error {
	var whole []store.Key
	for _, v := range append(c.plan.victims, c.plan.softs...) {
		whole = append(whole, v.all)
	}
	c.plan.st.Log().Warn("aside: there is no position from which a source of changes could go on; everything that it concerns is evicted",
		"changes", c.name)
	c.counts.oldest.Store(time.Now().UnixNano())
	if err := c.evict(ctx, distinct(whole), nil); err != nil {
		return err
	}
	c.counts.oldest.Store(0)
	c.counts.resets.Add(1)
	return nil
}

// consume evicts what it receives until changes is closed.
func (c *consumer[E]) consume(ctx context.Context, position *store.Position, changes <-chan Change[E]) error {
	for {
		batch := gather(ctx, changes)
		if len(batch) == 0 {
			return nil
		}
		if c.failing {
			c.failing = false
			c.plan.st.Log().Info("aside: a source of changes goes on", "changes", c.name)
		}
		if err := c.handle(ctx, position, batch); err != nil {
			return err
		}
	}
}

// gather waits for a change, and takes those along that are there by then. It returns none when there will be none.
func gather[E any](ctx context.Context, changes <-chan Change[E]) (batch []Change[E]) {
	select {
	case change, ok := <-changes:
		if !ok {
			return nil
		}
		batch = append(batch, change)
	case <-ctx.Done():
		return nil
	}
	for len(batch) < changesBatch {
		select {
		case change, ok := <-changes:
			if !ok {
				return batch
			}
			batch = append(batch, change)
		default:
			return batch
		}
	}
	return batch
}

// handle evicts what the changes concern. Only when all of it is confirmed the position is saved.
func (c *consumer[E]) handle(ctx context.Context, position *store.Position, batch []Change[E]) error {
	at := position.At()
	c.counts.oldest.Store(batch[0].At.UnixNano())
	var hard, soft []store.Key
	handled := int64(0)
	for _, change := range batch {
		if change.Position != "" {
			at = change.Position
		}
		if !change.Idle {
			handled++
			hard = append(hard, c.plan.keysOfAll(c.plan.victims, change.Event)...)
			soft = append(soft, c.plan.keysOfAll(c.plan.softs, change.Event)...)
		}
	}
	if err := c.evict(ctx, distinct(hard), distinct(soft)); err != nil {
		return err
	}
	if handled > 0 {
		c.counts.last.Store(max(0, int64(time.Since(batch[len(batch)-1].At))))
	}
	c.counts.oldest.Store(0)
	c.counts.handled.Add(handled)
	if at == position.At() {
		return nil
	}
	// A position that can't be saved keeps no eviction from being carried out; it is saved later.
	if err := position.Save(context.WithoutCancel(ctx), at); errors.Is(err, store.ErrTaken) {
		return err
	}
	return nil
}

// evict returns when Redis has confirmed the evictions, or when this can't be any more.
func (c *consumer[E]) evict(ctx context.Context, hard, soft []store.Key) error {
	again := backoff{least: 10 * time.Millisecond, most: 500 * time.Millisecond}
	for {
		own := context.WithoutCancel(ctx)
		err := errors.Join(c.plan.st.Evict(own, hard...), c.plan.st.Expire(own, soft...))
		if err == nil {
			c.counts.evictions.Add(int64(len(hard) + len(soft)))
			return nil
		}
		if errors.Is(err, store.ErrClosed) {
			return err
		}
		c.counts.retries.Add(1)
		if !again.sleep(ctx) {
			return context.Cause(ctx)
		}
	}
}

// guard makes an error of a panic.
func (c *consumer[E]) guard(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			c.plan.st.Recovered("evict: FromChanges", value)
			err = fmt.Errorf("evict: FromChanges: panic: %v", value)
		}
	}()
	return f()
}

// backoff is a pause that doubles each time.
type backoff struct{ least, most, next time.Duration }

// sleep reports false if ctx ended first.
func (b *backoff) sleep(ctx context.Context) bool {
	pause := max(b.next, b.least)
	b.next = min(2*pause, b.most)
	t := time.NewTimer(pause/2 + rand.N(pause))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
