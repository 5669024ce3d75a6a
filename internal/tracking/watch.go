package tracking

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

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

// Watch waits for a key to change. It is used by one goroutine.
type Watch struct {
	tracker *Tracker
	key     string
	event   chan struct{}
	pause   time.Duration
}

// Watch begins to look out for changes of the key, which a caller does before the last read of it. It must be stopped.
func (t *Tracker) Watch(key string) *Watch {
	w := &Watch{tracker: t, key: key, event: make(chan struct{}, 1), pause: 2 * time.Millisecond}
	t.watchers.add(key, w.event)
	return w
}

// Stop ends the watch.
func (w *Watch) Stop() { w.tracker.watchers.remove(w.key, w.event) }

// Wait returns when the key may have changed: Redis reports it, the lease that was seen under it ends after left (0 is
// unknown), or it is time to read again. The last is every 50 ms or so while tracking is up, and after a few ms while it
// is not.
func (w *Watch) Wait(ctx context.Context, left time.Duration) {
	d := w.pause
	w.pause = min(w.pause*3/2, 5*time.Millisecond)
	if _, up := w.tracker.Status(); up {
		d = 50 * time.Millisecond
	}
	d = d/2 + rand.N(d)
	if left > 0 {
		d = min(d, left+time.Millisecond)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-w.event:
	case <-t.C:
	case <-ctx.Done():
	}
}
