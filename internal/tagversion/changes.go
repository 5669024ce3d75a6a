package tagversion

import (
	"hash/maphash"
	"sync/atomic"
)

// Changes counts the changes of keys, by a hash of the key. Two keys that share a counter invalidate each other, which
// costs a round trip and nothing else; in return nothing has to be kept for each key.
type Changes struct {
	seed   maphash.Seed
	counts []atomic.Uint32
}

const changeCounters = 1 << 18 // 1 MB

func newChanges() *Changes {
	return &Changes{seed: maphash.MakeSeed(), counts: make([]atomic.Uint32, changeCounters)}
}

func (c *Changes) of(key string) uint32 {
	return uint32(maphash.String(c.seed, key)) % changeCounters //nolint:gosec // any part of the hash will do
}

func (c *Changes) changed(key string) { c.counts[c.of(key)].Add(1) }

// Count is the state of one key's counter at some moment.
type Count struct{ at, count uint32 }

// Read returns the state of a key's counter.
func (c *Changes) Read(key string) Count {
	at := c.of(key)
	return Count{at, c.counts[at].Load()}
}

// Same reports whether the key has not changed since the count was read.
func (c *Changes) Same(r Count) bool { return c.counts[r.at].Load() == r.count }
