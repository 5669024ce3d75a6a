package cacheable

import (
	"hash/maphash"

	"github.com/jollyjet/aside/internal/entry"
)

// Callers share the values of Near. Under the race detector (go test -race) each use of such a value checks that nobody
// has changed it, by encoding it again; a change is logged with the name of the cache, and counted.

var mutationSeed = maphash.MakeSeed()

func (c *Cacheable[K, V]) checksum(v V) uint64 {
	raw, err := c.codec.Marshal(v)
	if err != nil {
		return 0
	}
	return maphash.Bytes(mutationSeed, raw)
}

func (c *Cacheable[K, V]) guardShared() bool { return raceEnabled && !c.plain && c.near.clone == nil }

func (c *Cacheable[K, V]) checkShared(key K, e *nearEntry) {
	if c.guardShared() && c.checksum(valueOf[V](e)) != e.check {
		c.space.Count(entry.CountMutated)
		c.space.Log().Error("aside: a caller has changed a value that others share; copy it, or give the cache a Clone",
			"cache", c.space.Name(), "key", c.keyOf(key).String())
	}
}
