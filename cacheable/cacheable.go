package cacheable

import (
	"context"
	"fmt"
	"reflect"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/flight"
	"github.com/jollyjet/aside/store"
)

// Cacheable is a loader with a cache in front of it. It is safe for concurrent use.
//
// It only composes its parts. A part guards its own state, and never calls back into Cacheable. No part calls another
// part or a user's function with its mutex locked, so there is no lock order to keep.
type Cacheable[K comparable, V any] struct {
	st     *store.Store
	cache  *entry.Cache
	keys   keys[K]
	bypass func(context.Context) bool // nil without Bypass

	near      *near[K, V] // nil without Near
	sliding   *sliding    // nil without Sliding
	entries   *entries[K, V]
	failSafe  *failSafe[K, V]
	timeouts  *timeouts
	loader    *loader[K, V]
	refresher *refresher[K, V]
	observers observers[K]

	reads     readGroups[V]
	refreshes flight.Group[store.Key, *result[V]]
}

// New decorates a loader. The name is the cache's name in keys and statistics: letters, digits and . _ / -.
//
// Caches of the same name in the same namespace share their entries. Within one store they must have the same K, V, codec and
// [Schema], and say that they are [Shared]. Between stores and processes each entry has a fingerprint of these: entries of
// another fingerprint are misses. The fingerprint has the kinds, the field names and the tags of V (the names of its types do
// not matter), and the kinds, the field names and the type names of K, each with the last part of its package. Arguments of the
// same type that change places, as in [Pack2], have the same fingerprint.
//
// K is any type made of strings, integers and booleans, structs and arrays of them included; others need [Key]. V is
// any type that the codec can encode. New panics on a nil argument or option, an unusable name, an option whose types are not
// K and V, and another cache of the store with the same name that differs in the above.
func New[K comparable, V any](st *store.Store, name string, load func(context.Context, K) (V, error), options ...Option) *Cacheable[K, V] {
	c, _ := build(st, name, load, options)
	return c
}

func build[K comparable, V any](st *store.Store, name string, load Func[K, V], options []Option) (*Cacheable[K, V], settings) {
	if st == nil || load == nil {
		panic(fmt.Sprintf("cacheable: New(%q): the store and the loader must not be nil", name))
	}
	s, t := newSettings(name, options), reflect.TypeFor[V]()
	schema := fingerprint(reflect.TypeFor[K](), t, s.key != nil, s.codec.Name(), s.schema)
	cache := st.Engine().Entries.Cache(name, schema, max(s.ttl, s.notFound.ttl)+max(s.maxStale, s.revalidate, s.baseFor))
	keys, shareNothing := newKeys[K](cache, &s), plain(t)
	c := &Cacheable[K, V]{
		st: st, cache: cache, keys: keys, bypass: s.bypass,
		entries:  newEntries[K, V](cache, &s, shareNothing),
		sliding:  newSliding(cache, &s),
		timeouts: &timeouts{cache: cache, soft: s.softTimeout, hard: s.hardTimeout},
	}
	c.near = newNear[K](keys, &s, c.entries.coding, shareNothing)
	c.failSafe = newFailSafe(c.entries)
	c.loader = &loader[K, V]{
		cache: cache, load: load, entries: c.entries, failSafe: c.failSafe, timeouts: c.timeouts,
		slots: newSlots(s.maxLoads), reloads: reloader[K, V]{c.entries, typed[reloadFunc[K, V]](name, "Reload", s.reload)},
	}
	c.refresher = newRefresher(c.loader, &s)
	start := st.Engine().Life.Load
	c.reads.outside.Start, c.reads.inLoads.Start, c.refreshes.Start = start, start, start
	register(st, name, identityOf[K, V](&s), s.shared)
	c.entries.coding.tellLost()
	return c, s
}

// readGroups share the work on keys that the cache did not answer. Readers in a load of another cache do not share that of
// others, which may answer with what other nodes have evicted a moment ago.
type readGroups[V any] struct {
	outside, inLoads flight.Group[store.Key, *result[V]]
}

func (g *readGroups[V]) of(ref *entry.Ref) *flight.Group[store.Key, *result[V]] {
	if ref.Strict {
		return &g.inLoads
	}
	return &g.outside
}

// request is a request of a caller for a key, in which only the slot is set up.
func (c *Cacheable[K, V]) request(ctx context.Context, key K, ref *entry.Ref) request[K] {
	return request[K]{ctx: ctx, key: key, ref: ref, slot: c.loader.slots.slot()}
}
