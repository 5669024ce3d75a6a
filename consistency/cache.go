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
	Ask(ctx context.Context, key K) (answer entry.Sample, ended <-chan struct{})
	Decode(payload []byte) (V, bool)
	Evict(ctx context.Context, keys ...K) error
	Refresh(ctx context.Context, key K) (V, error)
}

// batchCache is a cache whose loader takes several keys at once.
type batchCache[K comparable] interface {
	AskAll(ctx context.Context, keys []K) (answers []entry.Sample, ended <-chan struct{})
}

// equalCache is a cache that knows which of its values are equal. The func is nil if it does not.
type equalCache[V any] interface {
	Equality() func(a, b V) bool
}
