package cacheable

import (
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/jollyjet/aside/store"
)

// near holds decoded values in this process. An entry is believed while its stamp is valid; one that is not stays until
// it is replaced or otter evicts it.
type near[K comparable, V any] struct {
	space   *store.Space
	entries *otter.Cache[K, *nearEntry[V]]
	clone   func(V) V
}

type nearEntry[V any] struct {
	value   V
	version store.Version
	stamp   store.Stamp
	age     time.Duration // when it was put
	put     time.Time
	life    time.Duration
	check   uint64 // see mutation.go
}

func newNear[K comparable, V any](space *store.Space, size int, clone func(V) V) *near[K, V] {
	entries := otter.Must(&otter.Options[K, *nearEntry[V]]{
		MaximumSize: size,
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[K, *nearEntry[V]]) time.Duration {
			return e.Value.life
		}),
	})
	space.Store().OnClose(func() { entries.StopAllGoroutines() })
	space.CountNear(entries.EstimatedSize)
	return &near[K, V]{space: space, entries: entries, clone: clone}
}

// get returns a value that is believed.
func (n *near[K, V]) get(key K) (*nearEntry[V], bool) {
	e, ok := n.entries.GetIfPresent(key)
	if !ok || !n.space.Valid(&e.stamp) {
		return nil, false
	}
	return e, true
}

// value is what a caller gets.
func (n *near[K, V]) value(e *nearEntry[V]) V {
	if n.clone == nil {
		return e.value
	}
	return n.clone(e.value)
}

// put keeps a value that was read after the stamp was taken.
func (n *near[K, V]) put(key K, e *nearEntry[V]) { n.entries.Set(key, e) }
