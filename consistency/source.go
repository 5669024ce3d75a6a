package consistency

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/entry"
)

// hangMargin is how long a loader may take to react to the end of its context.
const hangMargin = time.Second

var errHanging = errors.New("consistency: not compared, because calls of the loader hang")

// source asks the loader of a cache, whatever the cache has stored. A call of the loader keeps its slot until it has
// returned, so that a loader that ignores its context costs no more than the slots. It is safe for concurrent use.
type source[K comparable, V any] struct {
	cache   Cache[K, V]
	entries *entry.Cache
	timeout time.Duration    // of one call
	slots   chan struct{}    // has room for the calls that may run at the same time
	absent  func(error) bool // the errors that mean "not found", besides the cache's own; may be nil
	hung    atomic.Int64     // calls that have outlived their time
}

func newSource[K comparable, V any](c Cache[K, V], s *settings) *source[K, V] {
	return &source[K, V]{
		cache: c, entries: c.Entries(), timeout: s.loadTimeout, slots: make(chan struct{}, s.concurrency), absent: s.absent,
	}
}

// loadAll asks for several keys: in one call if the loader takes batches.
func (s *source[K, V]) loadAll(ctx context.Context, keys []K) []entry.Sample {
	var loaded []entry.Sample
	if many, ok := s.cache.(batchCache[K]); ok && len(keys) > 1 {
		loaded = s.call(ctx, len(keys), func(ctx context.Context) ([]entry.Sample, <-chan struct{}) {
			return many.AskAll(ctx, keys)
		})
	} else {
		loaded = s.loadEach(ctx, keys)
	}
	for i := range loaded {
		if err := loaded[i].Err; err != nil && s.absent != nil && s.absent(err) {
			loaded[i] = entry.Sample{State: entry.Negative}
		}
	}
	return loaded
}

// loadEach asks for each key separately, as many at the same time as there are slots.
func (s *source[K, V]) loadEach(ctx context.Context, keys []K) []entry.Sample {
	loaded := make([]entry.Sample, len(keys))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(cap(s.slots), len(keys)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(keys)); i = next.Add(1) - 1 {
				loaded[i] = s.call(ctx, 1, func(ctx context.Context) ([]entry.Sample, <-chan struct{}) {
					one, ended := s.cache.Ask(ctx, keys[i])
					return []entry.Sample{one}, ended
				})[0]
			}
		})
	}
	wg.Wait()
	return loaded
}

// refresh reloads a key into the cache. After an error the next read loads.
func (s *source[K, V]) refresh(ctx context.Context, key K) {
	s.call(ctx, 0, func(context.Context) ([]entry.Sample, <-chan struct{}) {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			defer func() {
				if value := recover(); value != nil {
					s.entries.Lifecycle().Recovered("reload of "+s.entries.Name(), value)
				}
			}()
			_, _ = s.cache.Refresh(context.WithoutCancel(ctx), key) // the next read loads
		}()
		return nil, ended
	})
}

// call calls the loader by means of ask, which returns n samples, and a channel that is closed when no call is left. It
// waits for that until the time is up.
func (s *source[K, V]) call(ctx context.Context, n int, ask func(context.Context) ([]entry.Sample, <-chan struct{})) []entry.Sample {
	if err := s.acquire(ctx); err != nil {
		failed := make([]entry.Sample, n)
		for i := range failed {
			failed[i].Err = err
		}
		return failed
	}
	deadline := time.Now().Add(s.timeout)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	answers, ended := ask(ctx)
	select {
	case <-ended:
		<-s.slots
	case <-ctx.Done():
		go s.await(ended, deadline.Add(hangMargin))
	}
	return answers
}

// await frees a slot once the call has ended, which hangs if that is later than at the given time.
func (s *source[K, V]) await(ended <-chan struct{}, until time.Time) {
	defer func() { <-s.slots }()
	late := time.NewTimer(time.Until(until))
	defer late.Stop()
	select {
	case <-ended:
	case <-late.C:
		s.hung.Add(1)
		defer s.entries.CountHung()()
		<-ended
	}
}

// acquire waits for a slot until the time of a call is up, but not if all may be taken by calls that hang.
func (s *source[K, V]) acquire(ctx context.Context) error {
	if s.full() {
		return errHanging
	}
	select {
	case s.slots <- struct{}{}:
		return nil
	default:
	}
	late := time.NewTimer(s.timeout)
	defer late.Stop()
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-late.C:
		return errHanging
	case <-ctx.Done():
		return ctx.Err()
	}
}

// full reports whether as many calls hang as may run, those for other comparisons of the cache included.
func (s *source[K, V]) full() bool {
	_, hanging := s.entries.Hung()
	return hanging >= int64(cap(s.slots))
}
