package evict

import (
	"context"
	"errors"
	"time"

	"github.com/jollyjet/aside/internal/checkpoint"
	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/slicesx"
	"github.com/jollyjet/aside/store"
)

// changesEvictor evicts what changes concern, and moves the checkpoint.
type changesEvictor[E any] struct {
	st     *store.Store
	name   string
	set    *targetSet[E, none]
	counts *changesCounts
}

// reset evicts everything that the targets may concern.
func (v *changesEvictor[E]) reset(ctx context.Context) error {
	v.st.Engine().Log.Warn("aside: a source of changes has no position to continue from; everything that its targets cover is evicted",
		"changes", v.name)
	v.counts.oldestPending.Store(time.Now().UnixNano())
	if err := v.evict(ctx, v.set.wholeKeys(), nil); err != nil {
		return err
	}
	v.counts.oldestPending.Store(0)
	v.counts.resets.Add(1)
	return nil
}

// handle evicts what the changes concern. It saves the position only when all evictions are confirmed.
func (v *changesEvictor[E]) handle(ctx context.Context, cp *checkpoint.Checkpoint, batch []Change[E]) error {
	position := cp.At()
	v.counts.oldestPending.Store(batch[0].At.UnixNano())
	var evicted, expired []store.Key
	handled := int64(0)
	for _, change := range batch {
		if change.Position != "" {
			position = change.Position
		}
		if !change.Idle {
			handled++
			evicted = append(evicted, v.set.keys(change.Event)...)
			expired = append(expired, v.set.expiringKeys(change.Event)...)
		}
	}
	if err := v.evict(ctx, slicesx.Distinct(evicted), slicesx.Distinct(expired)); err != nil {
		return err
	}
	if handled > 0 {
		v.counts.lag.Store(max(0, int64(time.Since(batch[len(batch)-1].At))))
	}
	v.counts.oldestPending.Store(0)
	v.counts.handled.Add(handled)
	if position == cp.At() {
		return nil
	}
	// Another error is ignored: evictions go on without a saved position, and the next batch saves a later one.
	if err := cp.Save(context.WithoutCancel(ctx), position); errors.Is(err, checkpoint.ErrTaken) {
		return err
	}
	return nil
}

// evict retries until Redis has confirmed the evictions. It gives up when the store is closed or ctx has ended.
func (v *changesEvictor[E]) evict(ctx context.Context, evicted, expired []store.Key) error {
	failed := pause.Backoff{Least: 10 * time.Millisecond, Most: 500 * time.Millisecond}
	for {
		own := context.WithoutCancel(ctx)
		err := v.st.Engine().Evictor.Change(own, evicted, expired)
		if err == nil {
			v.counts.evictions.Add(int64(len(evicted) + len(expired)))
			return nil
		}
		if errors.Is(err, store.ErrClosed) {
			return err
		}
		v.counts.retries.Add(1)
		if !failed.Wait(ctx) {
			return context.Cause(ctx)
		}
	}
}
