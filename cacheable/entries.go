package cacheable

import (
	"math/rand/v2"
	"time"

	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/internal/entry"
)

// entries turns values into entries of Redis, and back. It is immutable, but for the keys that size knows.
type entries[K comparable, V any] struct {
	cache       *entry.Cache
	codec       codec.Codec
	plain       bool                     // values share no memory with their copies
	storeIf     func(K, V) bool          // nil without StoreIf
	ttlOf       func(K, V) time.Duration // nil without TTLOf
	valueTagsOf func(K, V) []string      // nil without TagsOf
	ttl         time.Duration
	jitter      float64
	maxStale    time.Duration // after the time to live
	idle        time.Duration // 0 without Sliding
	notFound    notFound
	size        sizeLimit
}

func newEntries[K comparable, V any](cache *entry.Cache, s *settings, plain bool) *entries[K, V] {
	name := cache.Name()
	e := &entries[K, V]{
		cache: cache, codec: s.codec, plain: plain,
		valueTagsOf: typed[func(K, V) []string](name, "TagsOf", s.valueTags),
		storeIf:     typed[func(K, V) bool](name, "StoreIf", s.storeIf),
		ttlOf:       typed[func(K, V) time.Duration](name, "TTLOf", s.ttlOf),
		ttl:         s.ttl, jitter: s.jitter, maxStale: s.maxStale, idle: s.idle, notFound: s.notFound,
		size: sizeLimit{cache: cache, max: s.maxBytes},
	}
	if e.valueTagsOf != nil {
		cache.TagsFromValues()
	}
	if e.ttlOf != nil {
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
func (e *entries[K, V]) timeLeft(read *entry.Entry) time.Duration {
	return read.TTL() + e.maxStale - read.Age()
}

func (e *entries[K, V]) marshal(value V) ([]byte, error) {
	payload, err := e.codec.Marshal(value)
	if err != nil {
		e.cache.Count(entry.CountUnencodable)
	}
	return payload, err
}

// encodeLoaded decides how long a loaded value is stored, and encodes it. A value that is not to be stored is encoded
// too, for the copies of callers that share the load. Where ref is nil nothing is going to be stored, so the size does
// not matter.
func (e *entries[K, V]) encodeLoaded(key K, ref *entry.Ref, r *result[V]) {
	if e.wanted(key, r.value) {
		r.ttl, r.tags = e.ttlFor(key, r.value), e.valueTags(key, r.value)
	}
	payload, err := e.marshal(r.value)
	if err != nil {
		return
	}
	r.payload = payload
	if r.ttl > 0 && ref != nil && e.size.refuses(ref.Key, payload) {
		r.ttl = 0
	}
}

// loaded is the entry of the result of a load.
func (e *entries[K, V]) loaded(r *result[V]) entry.Contents {
	if r.negative {
		return entry.Contents{Negative: true, TTL: e.jittered(e.notFound.ttl), Cost: r.cost}
	}
	return entry.Contents{
		Payload: r.payload, TTL: e.jittered(r.ttl), Cost: r.cost, Extra: e.maxStale, Idle: e.idle, Tags: r.tags,
	}
}

// written is the entry of a value that was not loaded. It reports false if the value is not to be stored; an error is
// the codec's.
func (e *entries[K, V]) written(key K, ref *entry.Ref, value V) (entry.Contents, bool, error) {
	if !e.wanted(key, value) {
		return entry.Contents{}, false, nil
	}
	payload, err := e.marshal(value)
	if err != nil || e.size.refuses(ref.Key, payload) {
		return entry.Contents{}, false, err
	}
	return entry.Contents{
		Payload: payload, TTL: e.jittered(e.ttlFor(key, value)), Extra: e.maxStale, Idle: e.idle,
		Tags: e.valueTags(key, value),
	}, true, nil
}
