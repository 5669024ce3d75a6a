package store

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// Watch waits for another loader. It is used by one goroutine.
type Watch struct {
	feed  *feed
	key   string
	event chan struct{}
	pause time.Duration
}

// Watch begins to look out for changes of the entry, which a caller does before the last look at it. It must be
// stopped.
func (p *Space) Watch(ref *Ref) *Watch {
	f := p.st.feed
	w := &Watch{feed: f, key: ref.addr, event: make(chan struct{}, 1), pause: 2 * time.Millisecond}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waits[w.key] = append(f.waits[w.key], w.event)
	return w
}

// Stop ends the watch.
func (w *Watch) Stop() {
	w.feed.mu.Lock()
	defer w.feed.mu.Unlock()
	rest := slices.DeleteFunc(w.feed.waits[w.key], func(e chan struct{}) bool { return e == w.event })
	if len(rest) == 0 {
		delete(w.feed.waits, w.key)
	} else {
		w.feed.waits[w.key] = rest
	}
}

// Wait returns when the entry, seen as v before, may have changed: the feed says so, the lease that was seen runs
// out, or it is time to look again. The latter is every 50 ms or so with a feed, and after a few ms without one.
func (w *Watch) Wait(ctx context.Context, v View) {
	d := w.pause
	w.pause = min(w.pause*3/2, 5*time.Millisecond)
	if _, up := w.feed.status(); up {
		d = 50 * time.Millisecond
	}
	d = d/2 + rand.N(d)
	if v.left > 0 {
		d = min(d, v.left+time.Millisecond)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-w.event:
	case <-t.C:
	case <-ctx.Done():
	}
}
