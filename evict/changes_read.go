package evict

import (
	"context"
	"errors"
	"time"

	"github.com/jollyjet/aside/store"
)

// changesBatch is how many changes are handled together at most, and how many more are received meanwhile.
const changesBatch = 512

// changesReader calls the user's source and its streams.
type changesReader[E any] struct {
	st     *store.Store
	source Source[E]
	counts *changesCounts
}

func (r *changesReader[E]) open(ctx context.Context, after string) (stream Stream[E], err error) {
	err = guard(r.st, func() (err error) {
		stream, err = r.source(ctx, after)
		return err
	})
	if err == nil && stream == nil {
		err = errors.New("evict: FromChanges: the source returned neither a stream nor an error")
	}
	return stream, err
}

// receive sends changes to out until the stream fails or ctx ends, and closes the stream.
func (r *changesReader[E]) receive(ctx context.Context, stream Stream[E], out chan<- Change[E]) error {
	defer func() { _ = guard(r.st, stream.Close) }() // the stream is of no more use, whatever the error
	return guard(r.st, func() error {
		for {
			change, err := stream.Next(ctx)
			if err != nil {
				return err
			}
			if change.At.IsZero() {
				change.At = time.Now()
			}
			if !change.Idle {
				r.counts.received.Add(1)
			}
			select {
			case out <- change:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
}

// nextBatch returns a change with those already received after it.
func nextBatch[E any](first Change[E], changes <-chan Change[E]) []Change[E] {
	batch := []Change[E]{first}
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

// lastPosition returns the last position of the batch, or else at.
func lastPosition[E any](batch []Change[E], at string) string {
	for _, change := range batch {
		if change.Position != "" {
			at = change.Position
		}
	}
	return at
}
