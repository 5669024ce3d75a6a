package cacheable

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/store"
)

// MaxBytes bounds the size of a stored value, in bytes. It counts what the codec makes of a value, after compression; the
// rest of an entry (some 70 bytes, its tags, a key that is long) is not counted. Each value of a batch counts by itself.
// n is 1 or more. By default the only bound is Redis's own: 512 MB (its setting proto-max-bulk-len).
//
// A larger value is not stored, neither in Redis nor by [Near], and what was there before is evicted. Callers get the
// value as ever. But every read loads it, or waits for a load in its own process, and [FailSafe] has nothing to fall back
// on. [Cacheable.Put] and evict.Replace leave the key evicted. store.CacheStats counts such values, and each cache logs one
// warning. Entries that are in Redis already are read, whatever their size.
func MaxBytes(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("cacheable: MaxBytes(%d): use 1 or more, such as 1<<20 for a megabyte; leave the option out for no bound", n))
	}
	return func(s *settings) { s.maxBytes = n }
}

// tooLarge reports whether a payload is above the bound, and if so counts it. It is called once for each value that is
// loaded or written.
func (c *Cacheable[K, V]) tooLarge(key store.Key, payload []byte) bool {
	if c.maxBytes == 0 || len(payload) <= c.maxBytes {
		c.large.forget(key)
		return false
	}
	c.large.learn(key)
	if c.space.Count(entry.CountTooLarge) == 1 {
		c.space.Log().Warn("aside: a value is larger than MaxBytes and not stored, so every read of it loads; "+
			"raise MaxBytes, compress with codec/zstd, or cache its parts; further ones are only counted",
			"cache", c.space.Name(), "key", key.String(), "bytes", len(payload), "max_bytes", c.maxBytes)
	}
	return true
}

// largeKeys are the keys whose values were too large when this process last met them. Their loads do not wait for those of
// other processes, which will have nothing to give: the whole fleet would load one after the other.
type largeKeys struct {
	n    atomic.Int64 // spares reads the lock where there are none
	mu   sync.RWMutex
	keys map[store.Key]struct{}
}

// maxLargeKeys bounds how many are known.
const maxLargeKeys = 10_000

func (l *largeKeys) has(key store.Key) bool {
	if l.n.Load() == 0 {
		return false
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	_, ok := l.keys[key]
	return ok
}

func (l *largeKeys) learn(key store.Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.keys) >= maxLargeKeys || l.keys == nil {
		l.keys = make(map[store.Key]struct{})
	}
	l.keys[key] = struct{}{}
	l.n.Store(int64(len(l.keys)))
}

func (l *largeKeys) forget(key store.Key) {
	if !l.has(key) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.keys, key)
	l.n.Store(int64(len(l.keys)))
}
