package evict

import (
	"context"
	"fmt"
	"reflect"

	"github.com/jollyjet/aside/internal/eviction"
	"github.com/jollyjet/aside/store"
)

// Replacer is a cache that can put a value in place of a hold, such as a *cacheable.Cacheable[K, V].
type Replacer[K, V any] interface {
	Evictor[K]

	// Replacement is called before the write. The function that it returns is called after it, and reports false if
	// the value is not to be stored.
	Replacement(context.Context, K) (func(V) (eviction.Replacement, bool), error)
}

// replace is a value that takes the place of a hold.
type replace[A, R any] struct {
	st    *store.Store
	all   store.Key
	begin func(context.Context, A) replacing[A, R]
}

func (replace[A, R]) target() (name, fits string) { return "Replace", shape[A, R]() }

// shape is the type of a write.
func shape[A, R any]() string {
	if reflect.TypeFor[R]() == reflect.TypeFor[none]() {
		return fmt.Sprintf("func(context.Context, %v) error", reflect.TypeFor[A]())
	}
	return fmt.Sprintf("func(context.Context, %v) (%v, error)", reflect.TypeFor[A](), reflect.TypeFor[R]())
}

// replacing is a replacement for which a write is under way.
type replacing[A, R any] struct {
	held   []store.Key // what is to be held: one key, or none
	finish func(A, R) (eviction.Replacement, bool)
}

// Replace stores the value that was written in place of the old entry: a write-through without a race. It needs
// [Around]. The value is stored only if no other writer and no eviction came in between; otherwise the entry is left
// evicted, as it is when the write returns an error.
//
// value is called after the write, and once before it with the zero R, to learn which entry is to be held. Where that
// does not tell (it panics, or gives another key than later), the entry is only evicted: let it return the key of the
// argument, and the result as it is. It is called after a write that failed, too, to learn what is to be evicted; if it
// panics then, that is the whole cache. An entry whose tags the same write evicts is not found afterwards either.
func Replace[A, R, K, V any](c Replacer[K, V], value func(A, R) (K, V)) Target[A] {
	need("Replace", c == nil || value == nil)
	begin := func(ctx context.Context, a A) replacing[A, R] {
		b := replacing[A, R]{}
		held, record := early(ctx, c, value, a)
		if held != (store.Key{}) {
			b.held = []store.Key{held}
		}
		b.finish = func(a A, r R) (eviction.Replacement, bool) {
			k, v := value(a, r)
			if at := c.EntryKey(k); record == nil || at != held {
				return eviction.Replacement{Key: at}, false
			}
			return record(v)
		}
		return b
	}
	return replace[A, R]{c.Store(), c.WholeKey(), begin}
}

// early asks for the key before there is a result, and prepares the replacement. Where a function of the user's panics
// or Redis does not answer, there is none.
func early[A, R, K, V any](ctx context.Context, c Replacer[K, V], value func(A, R) (K, V), a A) (held store.Key, record func(V) (eviction.Replacement, bool)) {
	defer func() { _ = recover() }()
	var none R
	key, _ := value(a, none)
	held = c.EntryKey(key)
	record, _ = c.Replacement(ctx, key) // nil after an error
	return held, record
}
