package tracking

import (
	"context"
	"math/rand/v2"
	"time"
)

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
