package cacheable

import (
	"context"
	"fmt"

	"github.com/jollyjet/aside/store"
)

// MaxBatch bounds how many keys a loader of [NewMany] is asked for at once; more are asked for in several calls, one
// after the other. The default, 0, is no bound.
func MaxBatch(n int) Option {
	if n < 0 {
		panic(fmt.Sprintf("cacheable: MaxBatch(%d): use 1 or more, or 0 for no bound", n))
	}
	return func(s *settings) { s.maxBatch = n }
}

// Many is a loader of several values at once with a cache in front of it. It is also a [Cacheable] for single keys;
// both ways of reading share entries and running loads. It is safe for concurrent use.
type Many[K comparable, V any] struct {
	*Cacheable[K, V]
	batches *batchLoader[K, V]
}

// NewMany decorates a loader of several values. The loader is asked for the keys that are not cached, each once, and is
// never called without keys. A key that it leaves out does not exist at the source; a key that it was not asked for is
// ignored. With [NotFound] the absence of a key that it left out is cached too. A cache of [New] and one of
// NewMany may have the same name and share their entries, if both are [Shared]. Otherwise it is like New.
func NewMany[K comparable, V any](st *store.Store, name string, load func(context.Context, []K) (map[K]V, error), options ...Option) *Many[K, V] {
	if load == nil {
		return &Many[K, V]{Cacheable: New[K, V](st, name, nil, options...)} // panics
	}
	one := func(ctx context.Context, key K) (v V, err error) {
		values, err := load(ctx, []K{key})
		if err != nil {
			return v, err
		}
		v, ok := values[key]
		if !ok {
			return v, ErrNotFound
		}
		return v, nil
	}
	c, s := build(st, name, one, append(options[:len(options):len(options)], acceptErrNotFound, refuseReload(name)))
	return &Many[K, V]{Cacheable: c, batches: &batchLoader[K, V]{loader: c.loader, loadAll: load, maxBatch: s.maxBatch}}
}
