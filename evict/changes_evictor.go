package evict

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/checkpoint"
	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/slicesx"
	"github.com/jollyjet/aside/store"
)

// changesEvictor evicts what changes concern, and moves the checkpoint.
type changesEvictor[E any] struct {
	st           *store.Store
	name         string
	set          *targetSet[E, none]
	counts       *changesCounts
	unreplicated bool // logged
}

// reset evicts everything that the targets may concern.
func (v *changesEvictor[E]) reset(ctx context.Context) error {
	v.st.Engine().Log.Warn("aside: a source of changes has no position to continue from; everything that its targets cover is evicted",
		"changes", v.name)
	v.counts.oldestPending.Store(time.Now().UnixNano())
	if _, err := v.evictWidening(ctx, v.set.wholeKeys()); err != nil {
		return err
	}
	v.counts.oldestPending.Store(0)
	v.counts.resets.Add(1)
	return nil
}

// handle evicts what the changes concern. It saves the position only when all evictions are confirmed.
func (v *changesEvictor[E]) handle(ctx context.Context, cp *checkpoint.Checkpoint, batch []Change[E]) error {
	v.counts.oldestPending.Store(batch[0].At.UnixNano())
	var events []E
	for _, change := range batch {
		if !change.Idle {
			events = append(events, change.Event)
		}
	}
	if err := v.evictEvents(ctx, events); err != nil {
		return err
	}
	if len(events) > 0 {
		v.counts.lag.Store(max(0, int64(time.Since(batch[len(batch)-1].At))))
	}
	v.counts.oldestPending.Store(0)
	v.counts.handled.Add(int64(len(events)))
	position := lastPosition(batch, cp.At())
	if position == cp.At() {
		return nil
	}
	// Another error is ignored: evictions go on without a saved position, and Renew or the next batch saves it.
	if err := cp.Save(context.WithoutCancel(ctx), position); errors.Is(err, checkpoint.ErrTaken) {
		return err
	}
	return nil
}

// evictEvents evicts what the events concern, together if possible.
func (v *changesEvictor[E]) evictEvents(ctx context.Context, events []E) error {
	var evicted, expired []store.Key
	for _, event := range events {
		evicted = append(evicted, v.set.keys(event)...)
		expired = append(expired, v.set.expiringKeys(event)...)
	}
	err := v.evict(ctx, slicesx.Distinct(evicted), slicesx.Distinct(expired), poisonTries)
	if !errors.Is(err, errPoison) {
		return err
	}
	for _, event := range events {
		if err := v.evictAlone(ctx, event); err != nil {
			return err
		}
	}
	return nil
}

// evictAlone evicts what one event concerns, target by target, and more than that where it does not work.
func (v *changesEvictor[E]) evictAlone(ctx context.Context, event E) error {
	var cause error
	for _, t := range slices.Concat(v.set.targets, v.set.expiring) {
		evicted, expired := v.set.keysOf(t, event), []store.Key(nil)
		if t.expire {
			evicted, expired = nil, evicted
		}
		err := v.evict(ctx, evicted, expired, poisonTries)
		if errors.Is(err, errPoison) {
			cause = err
			_, err = v.evictWidening(ctx, []store.Key{t.all})
		}
		if err != nil {
			return err
		}
	}
	if cause != nil {
		v.counts.passed.Add(1)
		v.st.Engine().Log.Error("aside: what a change evicts was refused again and again; everything that its target covers is evicted instead. Look at the keys or tags that the target names",
			"changes", v.name, "cause", cause)
	}
	return nil
}

// evictWidening evicts the keys, or everything if these can't be evicted.
func (v *changesEvictor[E]) evictWidening(ctx context.Context, keys []store.Key) (widened bool, err error) {
	err = v.evict(ctx, keys, nil, poisonTries)
	if !errors.Is(err, errPoison) {
		return false, err
	}
	return true, v.evict(ctx, []store.Key{v.st.Everything()}, nil, forever)
}

// evict retries until Redis has carried out the evictions. It gives up when the store is closed or ctx has ended, and
// with errPoison after so many refusals of these evictions.
func (v *changesEvictor[E]) evict(ctx context.Context, evicted, expired []store.Key, tries int) error {
	failed := pause.Backoff{Least: 10 * time.Millisecond, Most: 500 * time.Millisecond}
	for refusals := 0; ; {
		err := v.evictOnce(context.WithoutCancel(ctx), evicted, expired)
		if err == nil {
			v.counts.evictions.Add(int64(len(evicted) + len(expired)))
			return nil
		}
		if errors.Is(err, store.ErrClosed) {
			return err
		}
		v.counts.retries.Add(1)
		if !isPoison(err) || !v.redisWorks(ctx) {
			refusals = 0
		} else if refusals++; refusals == tries {
			return errors.Join(errPoison, err)
		}
		if !failed.Wait(ctx) {
			return context.Cause(ctx)
		}
	}
}

// redisWorks reports whether Redis carries out an eviction of something that nobody has.
func (v *changesEvictor[E]) redisWorks(ctx context.Context) bool {
	return v.evictOnce(context.WithoutCancel(ctx), []store.Key{v.st.Tag("aside: does Redis evict?")}, nil) == nil
}

// evictOnce returns nil once Redis has carried out the evictions, whether or not replicas have confirmed them: to repeat
// an eviction does not help a replica that is away.
func (v *changesEvictor[E]) evictOnce(ctx context.Context, evicted, expired []store.Key) error {
	return guard(v.st, func() error { return v.carriedOut(v.st.Engine().Evictor.Change(ctx, evicted, expired)) })
}

// carriedOut counts and drops an error that is about replicas only.
func (v *changesEvictor[E]) carriedOut(err error) error {
	if !errors.Is(err, store.ErrUnreplicated) {
		return err
	}
	v.counts.unreplicated.Add(1)
	if !v.unreplicated {
		v.unreplicated = true
		v.st.Engine().Log.Warn("aside: changes are evicted, but too few replicas confirm it in time; a failover now may undo evictions",
			"changes", v.name, "cause", err)
	}
	return nil
}
