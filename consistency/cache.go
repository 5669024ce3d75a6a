package consistency

import (
	"context"

	"github.com/jollyjet/aside/store"
)

// Cache is a cache whose answers can be compared with its source: a *cacheable.Cacheable[K, V] or a *cacheable.Many[K,
// V].
type Cache[K comparable, V any] interface {
	Space() *store.Space
	EntryKey(key K) store.Key
	ParseKey(key store.Key) (K, bool)
	OnHit(fraction float64, report func(ctx context.Context, key K, seen store.Copy)) (detach func())
	Look(ctx context.Context, near bool, keys ...K) []store.Copy
	Source(ctx context.Context, key K) store.Copy
	Decode(payload []byte) (V, bool)
	Evict(ctx context.Context, keys ...K) error
	Refresh(ctx context.Context, key K) (V, error)
}

// batchCache is a cache whose loader takes several keys at once.
type batchCache[K comparable] interface {
	SourceAll(ctx context.Context, keys []K) []store.Copy
}
