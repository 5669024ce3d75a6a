package consistency

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/jollyjet/aside/internal/entry"
)

// source asks the loader of a cache, whatever the cache has stored.
type source[K comparable, V any] struct {
	cache       Cache[K, V]
	concurrency int              // of loads of single keys
	absent      func(error) bool // the errors that mean "not found", besides the cache's own; may be nil
}

// load asks for one key.
func (s *source[K, V]) load(ctx context.Context, key K) entry.Sample {
	return s.withoutAbsence(s.cache.Source(ctx, key))
}

// loadAll asks for several keys: in one call if the loader takes batches.
func (s *source[K, V]) loadAll(ctx context.Context, keys []K) []entry.Sample {
	var loaded []entry.Sample
	if many, ok := s.cache.(batchCache[K]); ok && len(keys) > 1 {
		loaded = many.SourceAll(ctx, keys)
	} else {
		loaded = s.loadEach(ctx, keys)
	}
	for i := range loaded {
		loaded[i] = s.withoutAbsence(loaded[i])
	}
	return loaded
}

// loadEach asks for each key separately, with bounded concurrency.
func (s *source[K, V]) loadEach(ctx context.Context, keys []K) []entry.Sample {
	loaded := make([]entry.Sample, len(keys))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(s.concurrency, len(keys)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(keys)); i = next.Add(1) - 1 {
				loaded[i] = s.cache.Source(ctx, keys[i])
			}
		})
	}
	wg.Wait()
	return loaded
}

// withoutAbsence replaces an error that means "not found" by a negative answer.
func (s *source[K, V]) withoutAbsence(answer entry.Sample) entry.Sample {
	if answer.Err != nil && s.absent != nil && s.absent(answer.Err) {
		return entry.Sample{State: entry.Negative}
	}
	return answer
}
