package entry

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/eviction"
	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/outbox"
	"github.com/jollyjet/aside/internal/setup"
	"github.com/jollyjet/aside/internal/tagversion"
	"github.com/jollyjet/aside/internal/tracing"
	"github.com/jollyjet/aside/internal/tracking"
	"github.com/jollyjet/aside/internal/wire"
)

// Key is where an entry lives in Redis.
type Key = keyspace.Key

// Config says what [Entries] are made with.
type Config struct {
	Keys      *keyspace.Keyspace
	Wire      *wire.Wire
	Tracker   *tracking.Tracker
	Versions  *tagversion.Versions
	Outbox    *outbox.Outbox
	Evictor   *eviction.Evictor
	Life      *lifecycle.Lifecycle
	Tracer    *tracing.Tracer // nil: none
	Log       *slog.Logger
	LeaseTime time.Duration // how long a lease outlives its loader
	Trust     time.Duration // for how long a near value is used while tracking is down

	KeepVersions time.Duration // for how long the versions of caches and of the namespace are kept at least after they were last wanted
}

// Entries are all entries of a namespace. They are safe for concurrent use.
type Entries struct {
	cfg       Config
	leftovers *leftovers

	mu       sync.Mutex
	counters map[string]*Counters // by cache; under mu

	registry
}

// New returns the entries.
func New(cfg Config) *Entries {
	e := &Entries{cfg: cfg, counters: make(map[string]*Counters)}
	e.leftovers = newLeftovers(cfg.Wire, cfg.Life, cfg.LeaseTime)
	return e
}

// Cache is what the entries of one cache have in common. Caches of the same name share their keys, their version and
// their counters.
type Cache struct {
	cfg       *Config
	leftovers *leftovers
	keys      keyspace.Cache
	schema    uint64
	scope     tagversion.Scope
	*Counters

	schemas schemas
}

// Cache returns the cache called name, for values of the given schema that live for ttl as a rule: entries of another schema
// are misses. The versions of tags are kept for twice the life of the entries that have them, for entries whose version is
// gone are misses too. It panics if the name is not a plain one.
func (e *Entries) Cache(name string, schema uint64, ttl time.Duration) *Cache {
	if !setup.IsName(name) {
		panic(fmt.Sprintf("cache name %q: %s", name, setup.NameRule))
	}
	return &Cache{
		cfg:       &e.cfg,
		leftovers: e.leftovers,
		keys:      e.cfg.Keys.Cache(name),
		schema:    schema,
		scope:     tagversion.Scope{Cache: e.cfg.Versions.Cache(name), Keep: max(e.cfg.KeepVersions, 2*ttl), KeepTags: tagversion.KeepFor(ttl)},
		Counters:  e.countersOf(name),
	}
}

// LivesAsToldByValues is for a cache whose values tell how long they live: then the versions of tags are kept for ten minutes
// at most before a value is loaded. It is called before the cache is used.
func (c *Cache) LivesAsToldByValues() { c.scope.KeepTags = min(c.scope.KeepTags, 10*time.Minute) }

// TagsFromValues is for a cache whose values have tags that their keys do not tell: [Contents.Tags]. It is called before
// the cache is used.
func (c *Cache) TagsFromValues() { c.scope.FromValues = true }

// Name returns the name of the cache.
func (c *Cache) Name() string { return c.keys.Name() }

// Key returns the key of the entry for the given parts. Two lists of as many parts give the same key only if they
// are equal.
func (c *Cache) Key(parts ...string) Key { return c.keys.Key(parts...) }

// Parts is the opposite of [Cache.Key]. It reports false for what is not the key of an entry.
func (c *Cache) Parts(key Key) ([]string, bool) { return c.keys.Parts(key) }

// Keys names the entries of the cache.
func (c *Cache) Keys() keyspace.Cache { return c.keys }

// All returns the key whose eviction evicts all of the cache.
func (c *Cache) All() Key { return c.scope.Cache.Key() }

// Evict evicts entries; see [eviction.Evictor.Evict].
func (c *Cache) Evict(ctx context.Context, keys ...Key) error {
	return c.cfg.Evictor.Evict(ctx, keys...)
}

// Expire ends the time to live of entries; see [eviction.Evictor.Expire].
func (c *Cache) Expire(ctx context.Context, keys ...Key) error {
	return c.cfg.Evictor.Expire(ctx, keys...)
}

// Log returns the logger that was given to store.Open.
func (c *Cache) Log() *slog.Logger { return c.cfg.Log }

// Lifecycle returns the owner of goroutines.
func (c *Cache) Lifecycle() *lifecycle.Lifecycle { return c.cfg.Life }

// Ref is an entry together with the tags that it has.
type Ref struct {
	Key
	Strict bool // every read asks Redis for all that the entry depends on

	tags  []string // Redis keys of the tags' versions, sorted and each once, so that their order is always the same
	names []string // of those that come after them because they are known from the value
}

// Ref returns the entry with the given key and tags.
func (c *Cache) Ref(key Key, tags []string) Ref {
	r := Ref{Key: key}
	if len(tags) == 0 {
		return r
	}
	r.tags = make([]string, len(tags))
	for i, tag := range tags {
		r.tags[i] = c.cfg.Keys.Tag(tag).Addr()
	}
	slices.Sort(r.tags)
	r.tags = slices.Compact(r.tags)
	return r
}

// withTags returns ref with the value's tags added, and the Redis keys of those.
func (c *Cache) withTags(ref *Ref, tags []string) (all *Ref, added []string) {
	all = &Ref{Key: ref.Key, Strict: ref.Strict, tags: slices.Clip(ref.tags), names: ref.names}
	for _, name := range tags {
		if addr := c.cfg.Keys.Tag(name).Addr(); !slices.Contains(all.tags, addr) {
			all.tags, all.names = append(all.tags, addr), append(all.names, name)
		}
	}
	return all, all.tags[len(all.tags)-len(all.names):]
}

// snapshot prepares a look at the versions that the entry depends on by its key.
func (c *Cache) snapshot(ref *Ref, beforeLoad bool) *tagversion.Snapshot {
	return c.cfg.Versions.Snapshot(&c.scope, ref.tags, tagversion.Ask{BeforeLoad: beforeLoad, Strict: ref.Strict})
}

// queued reports whether this process may not read the entry from Redis, because an eviction of it is still queued.
func (c *Cache) queued(ref *Ref) bool {
	o := c.cfg.Outbox
	if o.Empty() {
		return false
	}
	return o.Has(ref.Addr()) || o.Has(c.All().Addr()) || o.Has(c.cfg.Keys.Everything().Addr()) || slices.ContainsFunc(ref.tags, o.Has)
}

// run carries out calls unless the store is closed.
func (c *Cache) run(ctx context.Context, calls ...*wire.Call) error {
	if c.cfg.Life.Closed() {
		return lifecycle.ErrClosed
	}
	return c.cfg.Wire.Run(ctx, calls...)
}
