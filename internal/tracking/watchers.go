package tracking

import (
	"slices"
	"sync"

	"github.com/jollyjet/aside/internal/pause"
)

// watchers are those who wait for a key to change.
type watchers struct {
	mu    sync.Mutex
	byKey map[string][]chan struct{} // under mu
}

func (w *watchers) add(key string, event chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byKey == nil {
		w.byKey = make(map[string][]chan struct{})
	}
	w.byKey[key] = append(w.byKey[key], event)
}

func (w *watchers) remove(key string, event chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := slices.DeleteFunc(w.byKey[key], func(e chan struct{}) bool { return e == event })
	if len(rest) == 0 {
		delete(w.byKey, key)
	} else {
		w.byKey[key] = rest
	}
}

func (w *watchers) wake(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, event := range w.byKey[key] {
		pause.Wake(event)
	}
}

func (w *watchers) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, events := range w.byKey {
		for _, event := range events {
			pause.Wake(event)
		}
	}
}
