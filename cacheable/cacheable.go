package cacheable

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/flight"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/store"
)

// Func is the shape of a loader, and of the function that takes its place.
type Func[K comparable, V any] = func(context.Context, K) (V, error)

// Cacheable is a loader with a cache in front of it. It is safe for concurrent use.
type Cacheable[K comparable, V any] struct {
	settings
	st          *store.Store
	space       *entry.Cache
	load        Func[K, V]
	keyOf       func(K) store.Key
	tagsOf      func(K) []string
	valueTagsOf func(K, V) []string
	storeIf     func(K, V) bool
	ttlOf       func(K, V) time.Duration
	plain       bool          // values share nothing with their copies
	slots       chan struct{} // one for each load that may run; nil is no bound

	near      *near[K, V] // nil if there is none
	slide     *slide      // nil without Sliding
	refresher *ahead
	cooling   cooldowns
	large     largeKeys
	reads     flight.Group[store.Key, *result[V]]
	refreshes flight.Group[store.Key, *result[V]]
	hits      hooks[K]
}

// New decorates a loader. The name is the cache's name in keys and statistics: letters, digits and . _ / -. Caches of
// the same name in the same namespace are the same cache; if their values have different types, each sees the other's
// entries as misses.
//
// K is any type made of strings, integers and booleans (structs and arrays of them included); others need [Key]. V is
// any type that the codec can encode. New panics on a nil argument or option, an unusable name, and an option whose
// types are not K and V.
func New[K comparable, V any](st *store.Store, name string, load func(context.Context, K) (V, error), options ...Option) *Cacheable[K, V] {
	if st == nil || load == nil {
		panic(fmt.Sprintf("cacheable: New(%q): the store and the loader must not be nil", name))
	}
	s := defaults()
	for i, option := range options {
		if option == nil {
			panic(fmt.Sprintf("cacheable: New(%q): option %d is nil; leave it out", name, i+1))
		}
		option(&s)
	}
	if s.softTimeout > 0 && s.maxStale == 0 {
		panic(fmt.Sprintf("cacheable: New(%q): SoftTimeout needs FailSafe, which keeps the values that it answers with", name))
	}
	t := reflect.TypeFor[V]()
	c := &Cacheable[K, V]{
		settings:    s,
		st:          st,
		space:       st.Engine().Entries.Cache(name, fingerprint(t, s.codec.Name(), s.schema), max(s.ttl, s.negativeTTL)+s.maxStale),
		load:        load,
		tagsOf:      typed[func(K) []string](name, "Tags", s.tags),
		valueTagsOf: typed[func(K, V) []string](name, "TagsOf", s.valueTags),
		storeIf:     typed[func(K, V) bool](name, "StoreIf", s.storeIf),
		ttlOf:       typed[func(K, V) time.Duration](name, "TTLOf", s.ttlOf),
		plain:       plain(t),

		refresher: newAhead(),
	}
	c.keyOf = keyFunc(c.space, typed[func(K) string](name, "Key", s.key))
	if clone := typed[func(V) V](name, "Clone", s.clone); s.nearSize > 0 {
		c.near = newNear[K](c.space, s.nearSize, clone)
	}
	if s.idle > 0 {
		c.slide = newSlide(c.space, s.idle)
	}
	if c.valueTagsOf != nil {
		c.space.TagsFromValues()
	}
	if s.maxLoads > 0 {
		c.slots = make(chan struct{}, s.maxLoads)
	}
	c.reads.Start, c.refreshes.Start = st.Engine().Life.Load, st.Engine().Life.Load
	return c
}

// Get returns the value for key, from Redis or else from the loader. Its errors are those of the loader, of ctx, an
// error that matches [ErrNotFound] for an absence that is in the cache, one that wraps [ErrTimeout], [ErrGoexit], or
// one that wraps store.ErrClosed if the store was closed and the load did not end in time.
func (c *Cacheable[K, V]) Get(ctx context.Context, key K) (V, error) {
	if _, ok := ctx.Value(callsKey{}).(*Calls); ok {
		v, _, err := c.GetInfo(ctx, key)
		return v, err
	}
	v, _, err := c.get(ctx, key)
	return v, err
}

// GetInfo is Get, and tells how it came to its answer.
func (c *Cacheable[K, V]) GetInfo(ctx context.Context, key K) (V, Info, error) {
	began := time.Now()
	v, from, err := c.get(ctx, key)
	info := Info{Cache: c.space.Name(), Source: from.source, Age: from.ageNow(), Took: time.Since(began)}
	if calls, ok := ctx.Value(callsKey{}).(*Calls); ok {
		calls.add(info)
	}
	return v, info, err
}

// Peek returns what the cache holds for key, and whether that is anything, without loading. For an absence that is in
// the cache it returns true and an error that matches [ErrNotFound]. Other errors wrap store.ErrUnavailable, or are
// those of ctx.
func (c *Cacheable[K, V]) Peek(ctx context.Context, key K) (V, bool, error) {
	var zero V
	ref := c.ref(key)
	view, err := c.space.Read(ctx, &ref)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return zero, false, err
	}
	r, ok := c.answer(&ref, &view)
	if !ok {
		return zero, false, nil
	}
	return r.value, true, r.err
}

// Put stores a value for key over whatever is there: the last write wins, and a load that is running is not stored.
// Nothing orders it against other writes of the same key; where that matters use evict.Replace. While a writer holds
// the key (evict.Around) nothing is stored. A value that [StoreIf] or [TTLOf] rejects, or that is above [MaxBytes], evicts
// the key. After an error, which wraps store.ErrUnavailable or is the codec's, no older value is served by this node.
func (c *Cacheable[K, V]) Put(ctx context.Context, key K, value V) error {
	if !c.wanted(key, value) {
		return c.Evict(ctx, key)
	}
	ref := c.ref(key)
	payload, err := c.codec.Marshal(value)
	if err != nil {
		c.space.Count(entry.CountUnencodable)
		return errors.Join(fmt.Errorf("cacheable: %s: encode: %w", c.space.Name(), err), c.Evict(ctx, key))
	}
	if c.tooLarge(ref.Key, payload) {
		return c.Evict(ctx, key)
	}
	stored, err := c.space.Put(ctx, &ref, c.written(key, value, payload))
	if err == nil && !stored {
		return c.Evict(ctx, key) // tells the writer who holds the key that he is not the only one
	}
	return err
}

// Evict removes the entries of the keys. A read that begins after it has returned, on whatever node, sees nothing that
// was read before. An error wraps store.ErrQueued: the evictions that failed are repeated in the background.
func (c *Cacheable[K, V]) Evict(ctx context.Context, keys ...K) error {
	ctx, done := redisx.Linger(ctx)
	defer done()
	return c.Store().Evict(ctx, c.keysOf(keys)...)
}

// Expire ends the time to live of the keys' entries: the next read loads, and with [FailSafe] it has the old value to
// fall back on if the load fails. Otherwise it is as Evict.
func (c *Cacheable[K, V]) Expire(ctx context.Context, keys ...K) error {
	ctx, done := redisx.Linger(ctx)
	defer done()
	return c.Store().Engine().Evictor.Expire(ctx, c.keysOf(keys)...)
}

func (c *Cacheable[K, V]) keysOf(keys []K) []store.Key {
	of := make([]store.Key, len(keys))
	for i, key := range keys {
		of[i] = c.keyOf(key)
	}
	return of
}

// wanted reports whether a value is to be stored.
func (c *Cacheable[K, V]) wanted(key K, value V) bool {
	return (c.storeIf == nil || c.storeIf(key, value)) && c.ttlFor(key, value) >= time.Millisecond
}

func (c *Cacheable[K, V]) ttlFor(key K, value V) time.Duration {
	if c.ttlOf == nil {
		return c.ttl
	}
	return min(c.ttlOf(key, value), maxTTL)
}

// written is what is stored of a value that was not loaded.
func (c *Cacheable[K, V]) written(key K, value V, payload []byte) entry.Contents {
	return entry.Contents{
		Payload: payload, TTL: c.jittered(c.ttlFor(key, value)), Extra: c.maxStale, Idle: c.idle,
		Tags: c.tagsOfValue(key, value),
	}
}

func (c *Cacheable[K, V]) tagsOfValue(key K, value V) []string {
	if c.valueTagsOf == nil {
		return nil
	}
	return c.valueTagsOf(key, value)
}

func (c *Cacheable[K, V]) ref(key K) entry.Ref {
	if c.tagsOf == nil {
		return c.space.Ref(c.keyOf(key), nil)
	}
	return c.space.Ref(c.keyOf(key), c.tagsOf(key))
}
