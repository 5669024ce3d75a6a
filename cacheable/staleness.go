package cacheable

import (
	"time"

	"github.com/jollyjet/aside/internal/entry"
)

// FailSafeOf gives a value its own time in place of that of [FailSafe]. A result of 0 or less means that the value is no answer
// once its time to live has ended. A panic in it is recovered, counted, and means 0.
func FailSafeOf[K comparable, V any](maxStale func(K, V) time.Duration) Option {
	checks.NotNil("FailSafeOf", maxStale == nil)
	return func(s *settings) { s.failSafeOf = maxStale }
}

// StaleWhileRevalidate answers with a value for up to d beyond its time to live, while one process of the fleet loads it again
// in the background: no read waits. It has its name and its meaning from RFC 5861, section 3. The time counts from the moment
// at which the time to live ended, or was ended by evict.Expire; a value that was evicted is no answer. A load that fails is
// tried again at growing intervals of a second to five minutes. The default, 0, is off: the first read after the time to live
// waits for the load. With [RefreshAhead] values are loaded before that.
func StaleWhileRevalidate(d time.Duration) Option {
	checkTTL("StaleWhileRevalidate", d)
	return func(s *settings) { s.revalidate = d }
}

// StaleWhileRevalidateOf gives a value its own time in place of that of [StaleWhileRevalidate]. A result of 0 or less switches
// it off for the value. A panic in it is recovered, counted, and means 0.
func StaleWhileRevalidateOf[K comparable, V any](d func(K, V) time.Duration) Option {
	checks.NotNil("StaleWhileRevalidateOf", d == nil)
	return func(s *settings) { s.revalidateOf = d }
}

// staleness says for how long, beyond its time to live, a value is of any use. It is immutable.
type staleness[K comparable, V any] struct {
	cache      *entry.Cache
	onError    window[K, V] // as the answer in place of a load that fails
	revalidate window[K, V] // as the answer while it is loaded again
	base       time.Duration
}

// window is a time that may depend on the value.
type window[K comparable, V any] struct {
	d  time.Duration
	of func(K, V) time.Duration // nil if it does not
}

func newStaleness[K comparable, V any](cache *entry.Cache, s *settings) *staleness[K, V] {
	name := cache.Name()
	return &staleness[K, V]{
		cache:      cache,
		onError:    window[K, V]{s.maxStale, typed[func(K, V) time.Duration](name, "FailSafeOf", s.failSafeOf)},
		revalidate: window[K, V]{s.revalidate, typed[func(K, V) time.Duration](name, "StaleWhileRevalidateOf", s.revalidateOf)},
		base:       s.baseFor,
	}
}

// answers reports whether any value may be an answer beyond its time to live.
func (s *staleness[K, V]) answers() bool { return s.onError.any() || s.revalidate.any() }

// kept is for how long a value is kept beyond its time to live.
func (s *staleness[K, V]) kept(key K, value V) time.Duration {
	return max(s.within(&s.onError, key, value), s.within(&s.revalidate, key, value), s.base)
}

func (s *staleness[K, V]) within(w *window[K, V], key K, value V) (d time.Duration) {
	if w.of == nil {
		return w.d
	}
	defer func() {
		if p := recover(); p != nil {
			s.cache.Lifecycle().Recovered("stale time of a value of "+s.cache.Name(), p)
			d = 0
		}
	}()
	return min(max(w.of(key, value), 0), maxTTL)
}

func (w *window[K, V]) any() bool { return w.d > 0 || w.of != nil }
