package cacheable

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/store"
)

// entries turns values into entries of Redis, and back. It is immutable, but for the keys that size and unstorable know.
type entries[K comparable, V any] struct {
	cache       *entry.Cache
	coding      *coding[V]
	plain       bool                     // values share no memory with their copies
	storeIf     func(K, V) bool          // nil without StoreIf
	ttlOf       func(K, V) time.Duration // nil without TTLOf
	valueTagsOf func(K, V) []string      // nil without TagsOf
	ttl         time.Duration
	jitter      float64
	stale       *staleness[K, V]
	idle        time.Duration // 0 without Sliding
	notFound    notFound
	size        sizeLimit
	unstorable  unstorable
}

func newEntries[K comparable, V any](cache *entry.Cache, s *settings, plain bool) *entries[K, V] {
	name := cache.Name()
	e := &entries[K, V]{
		cache: cache, coding: newCoding[V](cache, s), plain: plain,
		valueTagsOf: typed[func(K, V) []string](name, "TagsOf", s.valueTags),
		storeIf:     typed[func(K, V) bool](name, "StoreIf", s.storeIf),
		ttlOf:       typed[func(K, V) time.Duration](name, "TTLOf", s.ttlOf),
		ttl:         s.ttl, jitter: s.jitter, stale: newStaleness[K, V](cache, s), idle: s.idle, notFound: s.notFound,
		size: sizeLimit{cache: cache, max: s.maxBytes},
	}
	if e.valueTagsOf != nil {
		cache.TagsFromValues()
	}
	if e.ttlOf != nil || e.stale.onError.of != nil || e.stale.revalidate.of != nil {
		cache.LivesAsToldByValues()
	}
	return e
}

// wanted reports whether a value is to be stored, its size aside.
func (e *entries[K, V]) wanted(key K, value V) bool {
	return (e.storeIf == nil || e.storeIf(key, value)) && e.ttlFor(key, value) >= time.Millisecond
}

func (e *entries[K, V]) ttlFor(key K, value V) time.Duration {
	if e.ttlOf == nil {
		return e.ttl
	}
	return min(e.ttlOf(key, value), maxTTL)
}

// jittered shortens a time to live by a random part.
func (e *entries[K, V]) jittered(ttl time.Duration) time.Duration {
	ttl -= time.Duration(e.jitter * rand.Float64() * float64(ttl))
	return max(ttl.Truncate(time.Millisecond), time.Millisecond)
}

func (e *entries[K, V]) valueTags(key K, value V) []string {
	if e.valueTagsOf == nil {
		return nil
	}
	return e.valueTagsOf(key, value)
}

// timeLeft is how long an entry with a value can live, its stale time included.
func (e *entries[K, V]) timeLeft(key K, value V, read *entry.Entry) time.Duration {
	return read.TTL() + e.stale.kept(key, value) - read.Age()
}

// encodeLoaded decides how long a loaded value is stored, and encodes it. A value that is not to be stored is encoded
// too, for the copies of callers that share the load. Where ref is nil nothing is going to be stored: the value is compared with
// what comes back from the codec, for whoever compares it with the cache.
func (e *entries[K, V]) encodeLoaded(key K, ref *entry.Ref, r *result[V]) {
	if e.wanted(key, r.value) {
		r.ttl, r.tags, r.extra = e.ttlFor(key, r.value), e.valueTags(key, r.value), e.stale.kept(key, r.value)
	}
	payload, err := e.coding.encode(r.value)
	if err != nil {
		e.coding.unencodable(err)
		if ref != nil && r.ttl > 0 {
			e.unstorable.failed(ref.Key)
		}
		return
	}
	r.payload = payload
	if ref == nil {
		if e.coding.samples(len(payload)) {
			r.lost, _ = e.coding.verify(r.value, payload)
		}
	} else if r.ttl > 0 && (e.size.refuses(ref.Key, payload) || e.verified(ref.Key, r.value, payload) != nil) {
		r.ttl = 0
	}
}

// verified returns an error if what a value was encoded to can't be decoded. It looks at some values, and at all while some
// could not be stored.
func (e *entries[K, V]) verified(key store.Key, value V, payload []byte) error {
	suspected := e.unstorable.suspects(key)
	if !e.coding.samples(len(payload)) && !suspected {
		return nil
	}
	if _, err := e.coding.verify(value, payload); err != nil {
		e.unstorable.failed(key)
		return err
	}
	if suspected {
		e.unstorable.worked(key)
	}
	return nil
}

// loaded is the entry of the result of a load.
func (e *entries[K, V]) loaded(r *result[V]) entry.Contents {
	if r.negative {
		return entry.Contents{Negative: true, TTL: e.jittered(e.notFound.ttl), Cost: r.cost}
	}
	return entry.Contents{
		Payload: r.payload, TTL: e.jittered(r.ttl), Cost: r.cost, Extra: r.extra, Idle: e.idle, Tags: r.tags,
	}
}

// written is the entry of a value that was not loaded. It reports false if the value is not to be stored; an error is
// the codec's.
func (e *entries[K, V]) written(key K, ref *entry.Ref, value V) (entry.Contents, bool, error) {
	if !e.wanted(key, value) {
		return entry.Contents{}, false, nil
	}
	payload, err := e.coding.encode(value)
	if err != nil {
		e.coding.unencodable(err)
		e.unstorable.failed(ref.Key)
		return entry.Contents{}, false, fmt.Errorf("encode: %w", err)
	}
	if e.size.refuses(ref.Key, payload) {
		return entry.Contents{}, false, nil
	}
	if err := e.verified(ref.Key, value, payload); err != nil {
		return entry.Contents{}, false, fmt.Errorf("decode: %w", err)
	}
	return entry.Contents{
		Payload: payload, TTL: e.jittered(e.ttlFor(key, value)), Extra: e.stale.kept(key, value), Idle: e.idle,
		Tags: e.valueTags(key, value),
	}, true, nil
}
