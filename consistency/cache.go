package consistency

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/store"
)

// Cache is a cache whose answers can be compared with its source: a *cacheable.Cacheable[K, V] or a
// *cacheable.Many[K, V].
type Cache[K comparable, V any] interface {
	Space() *store.Space
	EntryKey(key K) store.Key
	ParseKey(key store.Key) (K, bool)
	OnHit(fraction float64, told func(ctx context.Context, key K, seen store.Copy)) (detach func())
	Look(ctx context.Context, near bool, keys ...K) []store.Copy
	Source(ctx context.Context, key K) store.Copy
	Decode(payload []byte) (V, bool)
	Evict(ctx context.Context, keys ...K) error
	Refresh(ctx context.Context, key K) (V, error)
}

// batched is a cache whose loader is asked for several keys at once.
type batched[K comparable] interface {
	SourceAll(ctx context.Context, keys []K) []store.Copy
}

// comparer compares a cache with its source.
type comparer[K comparable, V any] struct {
	settings
	cache     Cache[K, V]
	equal     func(V, V) bool
	diff      func(V, V) string
	changedAt func(V) time.Time
	classOf   func(K) string
}

func newComparer[K comparable, V any](what string, c Cache[K, V], s settings) comparer[K, V] {
	of := comparer[K, V]{
		settings:  s,
		cache:     c,
		equal:     typed[func(V, V) bool](what, "Equal", s.equal),
		diff:      typed[func(V, V) string](what, "Diff", s.diff),
		changedAt: typed[func(V) time.Time](what, "ChangedAt", s.changedAt),
		classOf:   typed[func(K) string](what, "Class", s.class),
	}
	if of.equal == nil {
		of.equal = func(a, b V) bool { return reflect.DeepEqual(a, b) }
	}
	if of.classOf == nil {
		of.classOf = func(key K) string { return classOf(c.Space(), c.EntryKey(key)) }
	}
	return of
}

var errUndecodable = errors.New("consistency: the codec can't decode what it has encoded")

// same reports whether two current copies say the same.
func (c *comparer[K, V]) same(a, b store.Copy) (bool, error) {
	if a.State != b.State || a.State == store.Negative {
		return a.State == b.State, nil
	}
	if bytes.Equal(a.Payload, b.Payload) {
		return true, nil
	}
	va, okA := c.cache.Decode(a.Payload)
	vb, okB := c.cache.Decode(b.Payload)
	if !okA || !okB {
		return false, errUndecodable
	}
	return c.equal(va, vb), nil
}

// source asks the source for one key.
func (c *comparer[K, V]) source(ctx context.Context, key K) store.Copy {
	return c.judged(c.cache.Source(ctx, key))
}

// sources asks the source for several keys.
func (c *comparer[K, V]) sources(ctx context.Context, keys []K) []store.Copy {
	var copies []store.Copy
	if many, ok := c.cache.(batched[K]); ok && len(keys) > 1 {
		copies = many.SourceAll(ctx, keys)
	} else {
		copies = c.oneByOne(ctx, keys)
	}
	for i := range copies {
		copies[i] = c.judged(copies[i])
	}
	return copies
}

// oneByOne asks for each key by itself, a few at a time.
func (c *comparer[K, V]) oneByOne(ctx context.Context, keys []K) []store.Copy {
	copies := make([]store.Copy, len(keys))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(c.concurrency, len(keys)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(keys)); i = next.Add(1) - 1 {
				copies[i] = c.cache.Source(ctx, keys[i])
			}
		})
	}
	wg.Wait()
	return copies
}

// judged turns an error that says that there is nothing into an absence.
func (c *comparer[K, V]) judged(of store.Copy) store.Copy {
	if of.Err != nil && c.absent != nil && c.absent(of.Err) {
		return store.Copy{State: store.Negative}
	}
	return of
}
