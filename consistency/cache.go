package consistency

import (
	"context"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/store"
)

// Cache is a cache whose answers can be compared with its source: a *cacheable.Cacheable[K, V] or a *cacheable.Many[K,
// V].
type Cache[K comparable, V any] interface {
	Store() *store.Store
	Entries() *entry.Cache
	EntryKey(key K) store.Key
	ParseKey(key store.Key) (K, bool)
	OnHit(fraction float64, report func(ctx context.Context, key K, seen entry.Sample)) (detach func())
	Samples(ctx context.Context, near bool, keys ...K) []entry.Sample
	Source(ctx context.Context, key K) entry.Sample
	Decode(payload []byte) (V, bool)
	Evict(ctx context.Context, keys ...K) error
	Refresh(ctx context.Context, key K) (V, error)
}

// batchCache is a cache whose loader takes several keys at once.
type batchCache[K comparable] interface {
	SourceAll(ctx context.Context, keys []K) []entry.Sample
}
