package evict

import (
	"context"
	"errors"
	"time"

	"github.com/jollyjet/aside/internal/checkpoint"
	"github.com/jollyjet/aside/store"
)

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
	c.plan.st.Engine().Log.Warn("aside: there is no position from which a source of changes could go on; everything that it concerns is evicted",
		"changes", c.name)
	c.counts.oldest.Store(time.Now().UnixNano())
	if err := c.evict(ctx, distinct(whole), nil); err != nil {
		return err
	}
	c.counts.oldest.Store(0)
	c.counts.resets.Add(1)
	return nil
}

// consume evicts what it receives. It returns nil when changes is closed.
func (c *consumer[E]) consume(ctx context.Context, position *checkpoint.Checkpoint, changes <-chan Change[E]) error {
	for {
		batch := gather(ctx, changes)
		if ctx.Err() != nil || len(batch) == 0 {
			return context.Cause(ctx)
		}
		if c.failing {
			c.failing = false
			c.plan.st.Engine().Log.Info("aside: a source of changes goes on", "changes", c.name)
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
func (c *consumer[E]) handle(ctx context.Context, position *checkpoint.Checkpoint, batch []Change[E]) error {
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
	if err := position.Save(context.WithoutCancel(ctx), at); errors.Is(err, checkpoint.ErrTaken) {
		return err
	}
	return nil
}

// evict returns when Redis has confirmed the evictions, or when this can't be any more.
func (c *consumer[E]) evict(ctx context.Context, hard, soft []store.Key) error {
	again := backoff{least: 10 * time.Millisecond, most: 500 * time.Millisecond}
	for {
		own := context.WithoutCancel(ctx)
		err := errors.Join(c.plan.st.Evict(own, hard...), c.plan.st.Engine().Evictor.Expire(own, soft...))
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
