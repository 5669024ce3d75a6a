package evict

import (
	"context"

	"github.com/jollyjet/aside/internal/eviction"
	"github.com/jollyjet/aside/store"
)

// Replacer is a cache that can store a value in place of a hold, such as a *cacheable.Cacheable[K, V].
type Replacer[K, V any] interface {
	Evictor[K]

	// Replacement is called before the write. The function that it returns is called after the write; it reports false if
	// the value is not to be stored.
	Replacement(context.Context, K) (func(V) (eviction.Replacement, bool), error)
}

// replaceTarget is a value that takes the place of a hold.
type replaceTarget[A, R any] struct {
	st      *store.Store
	all     store.Key // evicted instead if the user's function panics after the write
	prepare func(context.Context, A) replacement[A, R]
}

func (replaceTarget[A, R]) target() (name, fits string) { return "Replace", signature[A, R]() }

// replacement is a replaceTarget of a write in progress.
type replacement[A, R any] struct {
	held   []store.Key // to hold during the write: one key, or none
	finish func(A, R) (eviction.Replacement, bool)
}

// Replace stores the value that was written in place of the old entry: a write-through without a race. It needs
// [Around]. The value is stored only if the hold was confirmed before the write, and no other writer and no eviction came in between. Otherwise, and after a write
// that returned an error, the entry is left evicted.
//
// value is called after the write. It is also called before the write, with the zero R, to learn which entry to hold:
// let it take the key from the argument, and return the result unchanged. If it panics before the write, or returns
// another key than after it, the entry is only evicted.
//
// After a write that failed value is called too, to learn which entry to evict; if it panics then, the whole cache is
// evicted. An entry with a tag that the same write evicts does not survive that eviction either.
func Replace[A, R, K, V any](c Replacer[K, V], value func(A, R) (K, V)) Target[A] {
	need("Replace", c == nil || value == nil)
	prepare := func(ctx context.Context, a A) replacement[A, R] {
		prepared := replacement[A, R]{}
		held, record := prepareReplacement(ctx, c, value, a)
		if held != (store.Key{}) {
			prepared.held = []store.Key{held}
		}
		prepared.finish = func(a A, r R) (eviction.Replacement, bool) {
			k, v := value(a, r)
			if key := c.EntryKey(k); record == nil || key != held {
				return eviction.Replacement{Key: key}, false
			}
			return record(v)
		}
		return prepared
	}
	return replaceTarget[A, R]{c.Store(), c.WholeKey(), prepare}
}

// prepareReplacement asks for the key without a result. record is nil if a user's function panics or Redis does not
// answer.
func prepareReplacement[A, R, K, V any](ctx context.Context, c Replacer[K, V], value func(A, R) (K, V), a A) (held store.Key, record func(V) (eviction.Replacement, bool)) {
	defer func() { _ = recover() }()
	var zero R
	key, _ := value(a, zero)
	held = c.EntryKey(key)
	record, _ = c.Replacement(ctx, key) // nil after an error
	return held, record
}
