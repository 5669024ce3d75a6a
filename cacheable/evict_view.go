package cacheable

import (
	"context"

	"github.com/jollyjet/aside/internal/eviction"
	"github.com/jollyjet/aside/store"
)

// Store returns the store of the cache. Package evict uses a cache through Store, EntryKey, WholeKey and Replacement.
func (c *Cacheable[K, V]) Store() *store.Store { return c.st }

// EntryKey returns the key of an entry in Redis.
func (c *Cacheable[K, V]) EntryKey(key K) store.Key { return c.keys.of(key) }

// WholeKey returns the key in Redis whose eviction evicts the whole cache.
func (c *Cacheable[K, V]) WholeKey() store.Key { return c.cache.All() }

// Replacement prepares to replace the value for key by one that is about to be written to the source. The function that
// it returns makes the new entry; it reports false if the value is not to be stored.
func (c *Cacheable[K, V]) Replacement(ctx context.Context, key K) (func(V) (eviction.Replacement, bool), error) {
	ref := c.keys.ref(ctx, key)
	start, err := c.cache.Before(ctx, &ref)
	if err != nil {
		return nil, err
	}
	return func(value V) (eviction.Replacement, bool) {
		written, ok, _ := c.entries.written(key, &ref, value) // an error was counted; the key is evicted
		if !ok {
			return eviction.Replacement{Key: ref.Key}, false
		}
		return c.cache.Replacement(ctx, &ref, start, written)
	}, nil
}
