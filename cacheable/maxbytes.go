package cacheable

import (
	"fmt"

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
func (c *Cacheable[K, V]) tooLarge(key K, payload []byte) bool {
	if c.maxBytes == 0 || len(payload) <= c.maxBytes {
		return false
	}
	if c.space.Count(store.EventTooLarge) == 1 {
		c.space.Store().Log().Warn("aside: a value is larger than MaxBytes and not stored, so every read of it loads; "+
			"raise MaxBytes, compress with codec/zstd, or cache its parts; further ones are only counted",
			"cache", c.space.Name(), "key", c.keyOf(key).String(), "bytes", len(payload), "max_bytes", c.maxBytes)
	}
	return true
}
