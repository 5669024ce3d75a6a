package cacheable

import (
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/jollyjet/aside/internal/entry"
)

// near holds decoded values in this process. An entry is believed while its stamp is valid; one that is not stays until
// it is replaced or otter evicts it.
type near[K comparable, V any] struct {
	space   *entry.Cache
	entries *otter.Cache[K, *nearEntry]
	clone   func(V) V
}

// nearEntry does not know the type of its value: otter's code is made anew for each type that it is used with, and there is
// a lot of it.
type nearEntry struct {
	value   any
	version entry.Token
	stamp   entry.Validity
	age     time.Duration // at loaded
	put     time.Time
	life    time.Duration
	rest    time.Duration // how long the entry could live when it was put
	check   uint64        // see mutation.go
}

func newNear[K comparable, V any](space *entry.Cache, size int, clone func(V) V) *near[K, V] {
	entries := otter.Must(&otter.Options[K, *nearEntry]{
		MaximumSize: size,
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[K, *nearEntry]) time.Duration {
			return e.Value.life
		}),
	})
	space.Lifecycle().OnClose(func() { entries.StopAllGoroutines() })
	space.CountNear(entries.EstimatedSize)
	return &near[K, V]{space: space, entries: entries, clone: clone}
}

// get returns a value that is believed.
func (n *near[K, V]) get(key K) (*nearEntry, bool) {
	e, ok := n.entries.GetIfPresent(key)
	if !ok || !n.space.StillValid(&e.stamp) {
		return nil, false
	}
	return e, true
}

// value is what a caller gets.
func (n *near[K, V]) value(e *nearEntry) V {
	v := valueOf[V](e)
	if n.clone == nil {
		return v
	}
	return n.clone(v)
}

func valueOf[V any](e *nearEntry) V {
	v, _ := e.value.(V) // the zero V is right for nil, where V is an interface
	return v
}

// put keeps a value that was read after the stamp was taken.
func (n *near[K, V]) put(key K, e *nearEntry) { n.entries.Set(key, e) }
