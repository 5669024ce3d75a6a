package evict

import (
	"fmt"
	"reflect"
	"time"

	"github.com/jollyjet/aside/internal/setup"
	"github.com/jollyjet/aside/store"
)

// Target is something that a write with argument A evicts. Targets are made by [Key], [Keys], [Tags], [All], [Expire]
// and [Replace]. The options [HoldFor] and [RefuseUnheld] of [Around] are targets, too, and fit any A.
type Target[A any] interface {
	target() (name, fits string) // for panics: the function that made the target, and the writes that it fits
}

// Evictor is a cache with keys K, such as a *cacheable.Cacheable[K, V].
type Evictor[K any] interface {
	Store() *store.Store
	EntryKey(K) store.Key // of one entry
	WholeKey() store.Key  // of all entries
}

// keyTarget is a target that is a function from the argument to keys.
type keyTarget[A any] struct {
	name   string
	st     *store.Store
	keys   func(A) []store.Key
	all    store.Key // evicted instead if keys panics
	expire bool      // expire the entries, do not evict them
}

func (t keyTarget[A]) target() (name, fits string) {
	return t.name, fmt.Sprintf("an argument %v", reflect.TypeFor[A]())
}

// Key evicts one entry.
func Key[A, K any](c Evictor[K], key func(A) K) Target[A] {
	need("Key", c == nil || key == nil)
	keys := func(a A) []store.Key { return []store.Key{c.EntryKey(key(a))} }
	return keyTarget[A]{"Key", c.Store(), keys, c.WholeKey(), false}
}

// Keys evicts several entries.
func Keys[A, K any](c Evictor[K], keys func(A) []K) Target[A] {
	need("Keys", c == nil || keys == nil)
	all := func(a A) (evicted []store.Key) {
		for _, k := range keys(a) {
			evicted = append(evicted, c.EntryKey(k))
		}
		return evicted
	}
	return keyTarget[A]{"Keys", c.Store(), all, c.WholeKey(), false}
}

// Expire ends the TTL of one entry without removing it. The next read loads; with cacheable.FailSafe it falls back to
// the old value if the load fails. Expire works with [After] only: during a write inside [Around] no old value may be
// used.
func Expire[A, K any](c Evictor[K], key func(A) K) Target[A] {
	need("Expire", c == nil || key == nil)
	keys := func(a A) []store.Key { return []store.Key{c.EntryKey(key(a))} }
	return keyTarget[A]{"Expire", c.Store(), keys, c.WholeKey(), true}
}

// Tags evicts all entries that have one of the tags, in every cache of the store. It costs one small command for each
// tag.
func Tags[A any](st *store.Store, tags func(A) []string) Target[A] {
	need("Tags", st == nil || tags == nil)
	return keyTarget[A]{"Tags", st, func(a A) []store.Key { return tagKeys(st, tags(a)) }, st.Everything(), false}
}

// All evicts all entries of a cache, with one small command. Other nodes notice within the delay of the invalidation
// feed, see store.Strict.
func All[A, K any](c Evictor[K]) Target[A] {
	need("All", c == nil)
	whole := []store.Key{c.WholeKey()}
	return keyTarget[A]{"All", c.Store(), func(A) []store.Key { return whole }, c.WholeKey(), false}
}

// Holding is an option of [Around] in the form of a target.
type Holding struct {
	holdFor time.Duration
	refuse  bool
}

func (h Holding) target() (name, fits string) { //nolint:unparam // it fits every write
	if h.refuse {
		return "RefuseUnheld", ""
	}
	return "HoldFor", ""
}

// HoldFor extends the hold of [Around] to d after the write. Use it for a source that is read from replicas: until they
// have applied the write, values read from them are not cached.
func HoldFor(d time.Duration) Holding {
	setup.Package("evict").Positive("HoldFor", d)
	return Holding{holdFor: d}
}

// RefuseUnheld makes [Around] return an error that wraps [ErrUnheld], without calling the write, if the hold can't be
// placed. By default the write is called anyway and followed by the evictions, as with [After].
func RefuseUnheld() Holding { return Holding{refuse: true} }

func tagKeys(st *store.Store, tags []string) []store.Key {
	keys := make([]store.Key, len(tags))
	for i, tag := range tags {
		keys[i] = st.Tag(tag)
	}
	return keys
}

func need(target string, missing bool) {
	if missing {
		panic(fmt.Sprintf("evict: %s: neither the cache (or store) nor the function may be nil", target))
	}
}
