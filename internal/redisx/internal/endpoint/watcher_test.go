package endpoint

import (
	"maps"
	"slices"
	"sync"
)

// watcher records which servers connections reach.
type watcher struct {
	mu    sync.Mutex
	met   map[string][]Identity
	blind []error
}

func (w *watcher) Met(addr string, id Identity) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.met == nil {
		w.met = make(map[string][]Identity)
	}
	w.met[addr] = append(w.met[addr], id)
}

func (w *watcher) Blind(_ string, cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blind = append(w.blind, cause)
}

func (w *watcher) seen() (met map[string][]Identity, blind []error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.met), slices.Clone(w.blind)
}
