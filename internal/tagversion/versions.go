package tagversion

import (
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/tracking"
	"github.com/jollyjet/aside/internal/wire"
)

// Config says what [Versions] are made with.
type Config struct {
	Keys    *keyspace.Keyspace
	Wire    *wire.Wire
	Tracker *tracking.Tracker
	Strict  bool          // every read asks Redis
	Trust   time.Duration // for how long a version is used without asking while tracking is down
}

// Versions are the versions of a namespace. They are safe for concurrent use.
type Versions struct {
	cfg        Config
	changes    *Changes
	everything *Version
	buckets    [keyspace.TagBuckets]*Version
	tags       knownTags

	mu    sync.RWMutex
	byKey map[string]*Version // of the namespace, the caches and the buckets; under mu
}

// New returns versions of which nothing is known.
func New(cfg Config) *Versions {
	v := &Versions{cfg: cfg, changes: newChanges(), byKey: make(map[string]*Version)}
	v.everything = v.of(cfg.Keys.Everything())
	for i := range v.buckets {
		v.buckets[i] = v.of(cfg.Keys.TagBucket(i))
	}
	return v
}

// Strict reports whether every read asks Redis.
func (v *Versions) Strict() bool { return v.cfg.Strict }

// of returns what is known of the version under a key that is not a tag's; there is one for each key.
func (v *Versions) of(key keyspace.Key) *Version {
	v.mu.Lock()
	defer v.mu.Unlock()
	one := v.byKey[key.Addr()]
	if one == nil {
		one = &Version{key: key}
		v.byKey[key.Addr()] = one
	}
	return one
}

// Everything returns the version that all entries of the namespace depend on.
func (v *Versions) Everything() *Version { return v.everything }

// Cache returns the version that all entries of a cache depend on.
func (v *Versions) Cache(name string) *Version { return v.of(v.cfg.Keys.All(name)) }

// Changes returns the counters of changes, for values that are kept in process.
func (v *Versions) Changes() *Changes { return v.changes }

// Changed is called with each Redis key that may have changed, whether Redis reports it or this process has done it.
func (v *Versions) Changed(addr string) {
	v.changes.changed(addr)
	v.mu.RLock()
	one := v.byKey[addr]
	v.mu.RUnlock()
	if one == nil && v.cfg.Keys.IsTag(addr) {
		one = v.tags.get(addr)
	}
	if one != nil {
		one.forget()
	}
}

// maxKnownTags bounds for how many tags a process remembers the version, so that reads need not ask for it.
const maxKnownTags = 1 << 16

// knownTags are versions of tags that values have. When there are too many all are forgotten, which costs a round trip
// each.
type knownTags struct {
	mu    sync.RWMutex
	byKey map[string]*Version // under mu
}

func (k *knownTags) get(addr string) *Version {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.byKey[addr]
}

func (k *knownTags) of(key keyspace.Key) *Version {
	if v := k.get(key.Addr()); v != nil {
		return v
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.byKey) >= maxKnownTags || k.byKey == nil {
		k.byKey = make(map[string]*Version)
	}
	if k.byKey[key.Addr()] == nil {
		k.byKey[key.Addr()] = &Version{key: key}
	}
	return k.byKey[key.Addr()]
}
