package cacheable

import (
	"context"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/store"
)

// Near keeps up to maxEntries decoded values in this process, each for ttl at most. A value is dropped when anybody
// changes or evicts its entry in Redis, or evicts one of its tags, within the delay of the invalidation feed: usually
// under a millisecond. While the feed is broken no value is used for longer than a second without asking Redis; a
// connection that dies silently is noticed within two seconds. The evictions of this process take effect at once.
//
// With store.Strict each use of such a value asks Redis whether the entry and all that it depends on are unchanged: one round
// trip, as for a value from Redis, but neither is the payload sent nor decoded. Reads within a loader use no such values.
//
// Callers share these values, so they must not change them, unless there is a [Clone].
func Near(maxEntries int, ttl time.Duration) Option {
	if maxEntries < 1 {
		panic(fmt.Sprintf("cacheable: Near(%d, ...): use 1 entry or more", maxEntries))
	}
	checkTTL("Near", ttl)
	return func(s *settings) { s.nearSize, s.nearTTL = maxEntries, ttl }
}

// Clone copies a value of [Near] for each caller, for callers that change the values they get.
func Clone[V any](clone func(V) V) Option {
	checks.NotNil("Clone", clone == nil)
	return func(s *settings) { s.clone = clone }
}

// near keeps decoded values in this process. A value is used while it is valid. One that is no longer valid stays until
// it is replaced or otter evicts it.
type near[K comparable, V any] struct {
	cache   *entry.Cache
	keyOf   func(K) store.Key
	refOf   func(context.Context, K) entry.Ref
	values  *otter.Cache[K, *nearValue]
	ttl     time.Duration
	clone   func(V) V // nil if callers share the values
	mutable mutationGuard[V]
}

// nearValue does not know the type of its value: otter's code is compiled anew for each type that it is used with, and
// there is a lot of it.
type nearValue struct {
	value    any
	version  entry.Token
	validity entry.Validity // taken before the value was read from Redis
	proof    *entry.Proof   // for Redis to confirm; nil unless the store is strict
	age      time.Duration  // at the time put
	put      time.Time
	life     time.Duration // from put on
	left     time.Duration // how long the entry could live at the time put
	sum      uint64        // see mutationGuard
}

func newNear[K comparable, V any](keys keys[K], s *settings, coding *coding[V], plain bool) *near[K, V] {
	cache, clone := keys.cache, typed[func(V) V](keys.cache.Name(), "Clone", s.clone)
	if s.nearSize == 0 {
		return nil
	}
	values := otter.Must(&otter.Options[K, *nearValue]{
		MaximumSize: s.nearSize,
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[K, *nearValue]) time.Duration {
			return e.Value.life
		}),
	})
	cache.Lifecycle().OnClose(func() { values.StopAllGoroutines() })
	cache.CountNear(values.EstimatedSize)
	return &near[K, V]{
		cache: cache, keyOf: keys.of, refOf: keys.ref, values: values, ttl: s.nearTTL, clone: clone,
		mutable: mutationGuard[V]{coding: coding, shared: !plain && clone == nil},
	}
}

// find returns the value that answers a read with that context. A load is not answered from here: what it reads has to be as
// Redis has it. Where the store is strict Redis has to confirm the value.
func (n *near[K, V]) find(ctx context.Context, key K) (*nearValue, bool) {
	if n == nil || entry.InLoad(ctx) {
		return nil, false
	}
	e, ok := n.get(key)
	if !ok || e.proof == nil {
		return e, ok
	}
	ref := n.refOf(ctx, key)
	return e, n.cache.Confirm(ctx, &ref, e.proof)
}

// get returns a value that is still valid.
func (n *near[K, V]) get(key K) (*nearValue, bool) {
	e, ok := n.values.GetIfPresent(key)
	if !ok || !n.cache.StillValid(&e.validity) {
		return nil, false
	}
	return e, true
}

// put keeps a value for life, or for the time to live of Near if that is shorter. Its validity was taken before it was
// read from Redis. The entry can live for left.
func (n *near[K, V]) put(key K, value V, ref *entry.Ref, read *entry.Entry, validity entry.Validity, life, left time.Duration) {
	life = min(life, n.ttl)
	if life <= 0 {
		return
	}
	e := &nearValue{
		value: value, version: read.Token(), validity: validity.Of(read), age: read.Age(),
		put: time.Now(), life: life, left: left, proof: n.cache.Proof(ref, read),
	}
	if n.mutable.on() {
		e.sum = n.mutable.sum(value)
	}
	n.values.Set(key, e)
}

// check complains if a caller has changed a value.
func (n *near[K, V]) check(key K, e *nearValue) {
	if n.mutable.on() && n.mutable.sum(valueOf[V](e)) != e.sum {
		n.cache.Count(entry.CountMutated)
		n.cache.Log().Error("aside: a caller has changed a value that others share; copy it, or give the cache a Clone",
			"cache", n.cache.Name(), "key", n.keyOf(key).String())
	}
}

// own returns the caller's own copy of a value that is kept, if there is a Clone, or else the value.
func (n *near[K, V]) own(v V) V {
	if n.clone == nil {
		return v
	}
	return n.clone(v)
}

func valueOf[V any](e *nearValue) V {
	v, _ := e.value.(V) // the zero V is right for nil, where V is an interface
	return v
}
