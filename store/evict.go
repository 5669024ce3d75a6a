package store

import (
	"context"

	"github.com/jollyjet/aside/internal/keyspace"
)

// Key is where an entry, or the version of a tag, lives in Redis. Its String method returns the key as redis-cli shows it.
type Key = keyspace.Key

// Tag returns the key whose eviction evicts all entries with the tag.
func (s *Store) Tag(tag string) Key { return s.engine.Keys.Tag(tag) }

// Everything returns the key whose eviction evicts all of the namespace.
func (s *Store) Everything() Key { return s.engine.Keys.Everything() }

// Evict evicts the entries or tags with the given keys. When it returns nil no read that begins from now on, on any
// node, sees a value from before: for entries, and for tags that follow from a key, at once; for [Store.Everything] and
// whole caches on other nodes within the feed's delay (see [Strict]). Keys that can't be evicted are queued; the error
// then wraps [ErrQueued]. So are those that are not confirmed when ctx ends. An error that wraps [ErrUnreplicated] is about
// what happens if the master is lost now. One that wraps [ErrClosed] means that nothing was evicted. Package evict has more ways to evict.
func (s *Store) Evict(ctx context.Context, keys ...Key) error {
	return s.engine.Evictor.Evict(ctx, keys...)
}
