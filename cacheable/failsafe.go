package cacheable

import (
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/lru"
	"github.com/jollyjet/aside/store"
)

// FailSafe keeps a value for maxStale beyond its time to live, as the answer for when the loader fails. No answer is older
// than that: maxStale counts from the moment at which the time to live ended, or was ended by evict.Expire. After a failure
// no process tries to load the value again for a second, unless it is evicted, expired or stored meanwhile. A value that
// was evicted is never such an answer; to keep it for that purpose, use evict.Expire. [Cacheable.GetInfo] and [WithInfo]
// tell which answers are stale.
func FailSafe(maxStale time.Duration) Option {
	checkTTL("FailSafe", maxStale)
	return func(s *settings) { s.maxStale = maxStale }
}

// failSafePause is the time between loads of a stale value that fail.
const failSafePause = time.Second

// failSafe answers with stale values. It knows the keys in cooldown: the last load of the version that is there failed, and
// no process is to load it again yet. Redis holds the cooldowns; knowing them here spares reads the question.
type failSafe[K comparable, V any] struct {
	entries   *entries[K, V]
	stale     *staleness[K, V]
	cooldowns *lru.Map[store.Key, cooldown]
}

// cooldown is about one version of an entry, so that whatever changes the entry ends it.
type cooldown struct {
	of    entry.Token
	until time.Time
}

func newFailSafe[K comparable, V any](e *entries[K, V]) *failSafe[K, V] {
	return &failSafe[K, V]{entries: e, stale: e.stale, cooldowns: lru.New[store.Key, cooldown](maxCooldowns)}
}

// maxCooldowns bounds how many are known.
const maxCooldowns = 10_000

// fallback is an answer for when the load fails or takes too long. A nil one is none.
type fallback[V any] struct {
	result[V]
	until       time.Time
	atOnceUntil time.Time // for reads that do not wait; see StaleWhileRevalidate
}

// fallback returns what there is to fall back on, or nil.
func (f *failSafe[K, V]) fallback(key K, found *entry.Entry) *fallback[V] {
	if !f.stale.answers() || found.State != entry.Stale || found.Absence() {
		return nil
	}
	b := &fallback[V]{}
	b.source, b.age, b.payload = SourceStale, found.Age(), found.Payload()
	if !f.entries.decode(b.payload, &b.value) {
		return nil
	}
	since := time.Now().Add(-found.StaleFor())
	b.atOnceUntil = since.Add(f.stale.within(&f.stale.revalidate, key, b.value))
	b.until = since.Add(f.stale.within(&f.stale.onError, key, b.value))
	if b.until.Before(b.atOnceUntil) {
		b.until = b.atOnceUntil
	}
	if b.left() <= 0 {
		return nil
	}
	return b
}

// revalidates reports whether it is the answer while the value is loaded again.
func (b *fallback[V]) revalidates() bool { return b != nil && time.Now().Before(b.atOnceUntil) }

// left is for how long it may still be used.
func (b *fallback[V]) left() time.Duration {
	if b == nil {
		return 0
	}
	return time.Until(b.until)
}

// now returns the answer, or nil if there is none, or not any more.
func (b *fallback[V]) now() *result[V] {
	if b.left() <= 0 {
		return nil
	}
	return &b.result
}

// pause is how long a key cools down after a load that failed.
func (f *failSafe[K, V]) pause() time.Duration {
	if !f.stale.answers() {
		return 0
	}
	return failSafePause
}

// coolsDown reports whether the entry that was found is known to be in cooldown.
func (f *failSafe[K, V]) coolsDown(key store.Key, found *entry.Entry) (active bool) {
	f.cooldowns.With(key, nil, func(c *cooldown) { active = c.of == found.Token() && time.Now().Before(c.until) })
	return active
}

// coolDown records that a version of an entry is in cooldown.
func (f *failSafe[K, V]) coolDown(key store.Key, version entry.Token, left time.Duration) {
	if left > 0 {
		now := cooldown{of: version, until: time.Now().Add(left)}
		f.cooldowns.With(key, func() cooldown { return now }, func(c *cooldown) { *c = now })
	}
}

// afterFailure returns the answer in place of a load that has failed, or nil if there is none. The entry that was found
// cools down, in this process even if Redis does not take that.
func (f *failSafe[K, V]) afterFailure(key store.Key, found *entry.Entry, b *fallback[V]) *result[V] {
	r := b.now()
	if r != nil {
		f.coolDown(key, found.Token(), failSafePause)
	}
	return r
}
