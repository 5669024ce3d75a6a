// Package lru has a map of bounded size, for what a process may forget.
package lru

import (
	"container/list"
	"sync"
)

// Map forgets the keys that were used least recently. Its methods may be called from any goroutine.
type Map[K comparable, V any] struct {
	size int

	mu     sync.Mutex
	recent *list.List // of *entry[K, V], the latest in front; guarded by mu
	byKey  map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// New returns a map for up to size keys.
func New[K comparable, V any](size int) *Map[K, V] {
	return &Map[K, V]{size: size, recent: list.New(), byKey: make(map[K]*list.Element)}
}

// With runs use on the value of a key while nobody else has it. If there is none it is created first; if create is nil use
// does not run.
func (m *Map[K, V]) With(key K, create func() V, use func(*V)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.byKey[key]
	switch {
	case e != nil:
		m.recent.MoveToFront(e)
	case create == nil:
		return
	default:
		e = m.recent.PushFront(&entry[K, V]{key: key, value: create()})
		m.byKey[key] = e
		m.trim()
	}
	use(&e.Value.(*entry[K, V]).value)
}

func (m *Map[K, V]) trim() {
	for m.recent.Len() > m.size {
		m.remove(m.recent.Back())
	}
}

func (m *Map[K, V]) remove(e *list.Element) {
	delete(m.byKey, e.Value.(*entry[K, V]).key)
	m.recent.Remove(e)
}

// Remove forgets a key.
func (m *Map[K, V]) Remove(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.byKey[key]; e != nil {
		m.remove(e)
	}
}

// Len is the number of keys.
func (m *Map[K, V]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.recent.Len()
}
