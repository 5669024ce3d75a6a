package cacheable

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/store"
)

// MaxBytes bounds the size of a stored value, in bytes. The size is that of the codec's output, after compression; the
// rest of an entry (some 70 bytes, its tags, a long key) is not counted. Each value of a batch is measured by itself. n
// is 1 or more. By default the only bound is Redis's own: 512 MB (its setting proto-max-bulk-len).
//
// A larger value is stored neither in Redis nor by [Near], and the value that was cached before is evicted. Callers get
// the value as usual. But every read loads it, or waits for a load in its own process, and [FailSafe] has nothing to
// fall back on. [Cacheable.Put] and evict.Replace leave the key evicted. store.CacheStats counts such values, and each
// cache logs one warning. Entries that are already in Redis are read, whatever their size.
func MaxBytes(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("cacheable: MaxBytes(%d): use 1 or more, such as 1<<20 for a megabyte; leave the option out for no bound", n))
	}
	return func(s *settings) { s.maxBytes = n }
}

// sizeLimit refuses values above MaxBytes, and knows the keys whose values were too large when this process last met
// them. Their loads do not wait for loads of other processes, which will have nothing to share: the whole fleet would
// load one after the other.
type sizeLimit struct {
	cache *entry.Cache
	max   int // 0 is no bound

	n    atomic.Int64 // len(keys), written under mu; spares reads the lock while it is 0
	mu   sync.RWMutex
	keys map[store.Key]struct{} // guarded by mu
}

// maxLargeKeys bounds how many keys are known.
const maxLargeKeys = 10_000

// refuses reports whether a payload is too large, and if so counts it. It is called once for each value that is
// loaded or written.
func (l *sizeLimit) refuses(key store.Key, payload []byte) bool {
	if l.max == 0 || len(payload) <= l.max {
		l.forget(key)
		return false
	}
	l.add(key)
	if l.cache.Count(entry.CountTooLarge) == 1 {
		l.cache.Log().Warn("aside: a value is larger than MaxBytes and not stored, so every read of it loads; "+
			"raise MaxBytes, compress with codec/zstd, or cache its parts; further ones are only counted",
			"cache", l.cache.Name(), "key", key.String(), "bytes", len(payload), "max_bytes", l.max)
	}
	return true
}

// refusedLast reports whether the last value of the key was too large.
func (l *sizeLimit) refusedLast(key store.Key) bool {
	if l.n.Load() == 0 {
		return false
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	_, ok := l.keys[key]
	return ok
}

func (l *sizeLimit) add(key store.Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.keys) >= maxLargeKeys || l.keys == nil {
		l.keys = make(map[store.Key]struct{})
	}
	l.keys[key] = struct{}{}
	l.n.Store(int64(len(l.keys)))
}

// forget is called when a value of the key was small enough.
func (l *sizeLimit) forget(key store.Key) {
	if !l.refusedLast(key) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.keys, key)
	l.n.Store(int64(len(l.keys)))
}
