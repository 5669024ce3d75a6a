package cacheable

import (
	"context"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/eviction"
	"github.com/jollyjet/aside/store"
)

// Store returns the store of the cache. Together with EntryKey, WholeKey and Replacement it is what package evict needs
// to know of a cache.
func (c *Cacheable[K, V]) Store() *store.Store { return c.st }

// EntryKey returns the key of an entry in Redis.
func (c *Cacheable[K, V]) EntryKey(key K) store.Key { return c.keyOf(key) }

// WholeKey returns the key in Redis whose eviction evicts all of the cache.
func (c *Cacheable[K, V]) WholeKey() store.Key { return c.space.All() }

// Replacement begins to replace the value for key by one that is about to be written. The function that it returns
// makes the new entry; it reports false if the value is not to be stored.
func (c *Cacheable[K, V]) Replacement(ctx context.Context, key K) (func(V) (eviction.Replacement, bool), error) {
	ref := c.ref(key)
	start, err := c.space.Before(ctx, &ref)
	if err != nil {
		return nil, err
	}
	return func(value V) (eviction.Replacement, bool) {
		if !c.wanted(key, value) {
			return eviction.Replacement{Key: ref.Key}, false
		}
		payload, err := c.codec.Marshal(value)
		if err != nil {
			c.space.Count(entry.CountUnencodable)
			return eviction.Replacement{Key: ref.Key}, false
		}
		if c.tooLarge(ref.Key, payload) {
			return eviction.Replacement{Key: ref.Key}, false
		}
		return c.space.Replacement(ctx, &ref, start, c.written(key, value, payload))
	}, nil
}
