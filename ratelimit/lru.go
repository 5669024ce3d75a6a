package ratelimit

import (
	"container/list"
	"sync"
)

// lru is a map that forgets what was used least recently. Its methods may be called from any goroutine.
type lru[V any] struct {
	mu   sync.Mutex
	size int
	used *list.List // of *entry[V], the latest in front
	at   map[string]*list.Element
}

type entry[V any] struct {
	key   string
	value V
}

func newLRU[V any](size int) *lru[V] {
	return &lru[V]{size: size, used: list.New(), at: make(map[string]*list.Element)}
}

// with runs use on the value of key while no one else has it. Where there is none, it is made first; with a nil make
// use is not run.
func (l *lru[V]) with(key string, create func() V, use func(*V)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.at[key]
	switch {
	case e != nil:
		l.used.MoveToFront(e)
	case create == nil:
		return
	default:
		e = l.used.PushFront(&entry[V]{key: key, value: create()})
		l.at[key] = e
		l.trim()
	}
	use(&e.Value.(*entry[V]).value)
}

func (l *lru[V]) trim() {
	for l.used.Len() > l.size {
		oldest := l.used.Back()
		delete(l.at, oldest.Value.(*entry[V]).key)
		l.used.Remove(oldest)
	}
}

func (l *lru[V]) remove(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.at[key]; e != nil {
		delete(l.at, key)
		l.used.Remove(e)
	}
}

func (l *lru[V]) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.used.Len()
}
