package cacheable

import (
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/lru"
	"github.com/jollyjet/aside/store"
)

// FailSafe keeps a value for maxStale beyond its time to live, as the answer for when the loader fails. After a failure
// no process tries to load it again for a second. A value that was evicted is never such an answer; to keep it for that
// purpose, use evict.Expire. [Cacheable.GetInfo] and [WithInfo] tell which answers are stale.
func FailSafe(maxStale time.Duration) Option {
	checkTTL("FailSafe", maxStale)
	return func(s *settings) { s.maxStale = maxStale }
}

// failSafePause is the time between loads of a stale value that fail.
const failSafePause = time.Second

// failSafe answers with stale values. It knows the keys in cooldown: their last load failed, and no process is to load
// them again yet. Redis holds the cooldowns; knowing them here spares reads the question.
type failSafe[K comparable, V any] struct {
	entries   *entries[K, V]
	maxStale  time.Duration                  // 0 without FailSafe
	cooldowns *lru.Map[store.Key, time.Time] // the end of each
}

func newFailSafe[K comparable, V any](e *entries[K, V]) *failSafe[K, V] {
	return &failSafe[K, V]{entries: e, maxStale: e.maxStale, cooldowns: lru.New[store.Key, time.Time](maxCooldowns)}
}

// maxCooldowns bounds how many are known.
const maxCooldowns = 10_000

// fallback returns the answer for when the load fails or takes too long, or nil if there is none.
func (f *failSafe[K, V]) fallback(found *entry.Entry) *result[V] {
	if f.maxStale == 0 || found.State != entry.Stale || found.Absence() {
		return nil
	}
	r := &result[V]{source: SourceStale, age: found.Age(), payload: found.Payload()}
	if !f.entries.decode(r.payload, &r.value) {
		return nil
	}
	return r
}

// pause is how long a key cools down after a load that failed.
func (f *failSafe[K, V]) pause() time.Duration {
	if f.maxStale == 0 {
		return 0
	}
	return failSafePause
}

// coolsDown reports whether a key is known to be in cooldown.
func (f *failSafe[K, V]) coolsDown(key store.Key) (active bool) {
	f.cooldowns.With(key, nil, func(end *time.Time) { active = time.Now().Before(*end) })
	return active
}

// coolDown records that a key is in cooldown, for left.
func (f *failSafe[K, V]) coolDown(key store.Key, left time.Duration) {
	if left > 0 {
		until := time.Now().Add(left)
		f.cooldowns.With(key, func() time.Time { return until }, func(end *time.Time) { *end = until })
	}
}
