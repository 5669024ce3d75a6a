package cacheable

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/tracing"
	"github.com/jollyjet/aside/store"
)

const (
	maxRefreshers  = 16                    // background refreshes of one cache at the same time
	firstPause     = time.Second           // after a refresh that failed; doubled for each further one
	longestPause   = 5 * time.Minute       //
	shortPause     = 20 * time.Millisecond // after a look at a value that another process is loading
	failSafePause  = time.Second           // between loads of a stale value that fail
	manyRefreshers = 10_000                // refreshes that failed are forgotten beyond that number
)

// ahead decides which values are loaded again before their time is over, and does so in the background.
type ahead struct {
	slots chan struct{} // one for each refresh that may run

	mu   sync.Mutex
	keys map[store.Key]*retry // running, or failed
}

type retry struct {
	running  bool
	failures int
	after    time.Time
}

func newAhead() *ahead {
	return &ahead{slots: make(chan struct{}, maxRefreshers), keys: make(map[store.Key]*retry)}
}

// due reports whether a value should be loaded again now.
func (c *Cacheable[K, V]) due(age, ttl, cost time.Duration) bool {
	if c.ahead > 0 && age >= time.Duration(c.settings.ahead*float64(ttl)) {
		return true
	}
	return c.beta > 0 && float64(age)-float64(cost)*c.beta*math.Log(1-rand.Float64()) >= float64(ttl)
}

// dueIn is how long a value may be used before somebody should look whether it is due.
func (c *Cacheable[K, V]) dueIn(age, ttl time.Duration) time.Duration {
	left := ttl - age
	if c.ahead > 0 {
		left = time.Duration(c.settings.ahead*float64(ttl)) - age
	}
	return max(left, 0)
}

// begin reports whether a refresh of the key may begin now; it must be ended.
func (a *ahead) begin(key store.Key) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.keys[key]
	if r != nil && (r.running || time.Now().Before(r.after)) {
		return false
	}
	select {
	case a.slots <- struct{}{}:
	default:
		return false // enough is going on; a later read will ask again
	}
	if r == nil {
		if len(a.keys) >= manyRefreshers {
			a.forget()
		}
		r = &retry{}
		a.keys[key] = r
	}
	r.running = true
	return true
}

// forget drops what is known of refreshes that failed.
func (a *ahead) forget() {
	for key, r := range a.keys {
		if !r.running {
			delete(a.keys, key)
		}
	}
}

// failed takes note of a refresh that failed, and returns for how long the key is to be left alone.
func (a *ahead) failed(key store.Key) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.keys[key]
	r.failures++
	return min(firstPause<<min(r.failures-1, 20), longestPause)
}

// end takes note that a refresh has ended, and leaves the key alone for a while.
func (a *ahead) end(key store.Key, pause time.Duration) {
	<-a.slots
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.keys[key]
	if pause == 0 {
		delete(a.keys, key)
		return
	}
	r.running, r.after = false, time.Now().Add(pause)
}

// refreshAhead loads the value that view is of in the background, unless that is going on already.
func (c *Cacheable[K, V]) refreshAhead(ctx context.Context, key K, ref *entry.Ref, view entry.Entry) {
	if !c.refresher.begin(ref.Key) {
		return
	}
	j := &job[K, V]{c: c, ctx: ctx, key: key, ref: ref, seen: view, cause: tracing.CauseAhead}
	if !c.space.Lifecycle().Load(j.refreshAhead) {
		c.refresher.end(ref.Key, 0)
	}
}

func (j *job[K, V]) refreshAhead() {
	c := j.c
	ctx, cancel := c.space.Lifecycle().LoadContext(j.ctx, 0)
	defer cancel()
	j.place.slots = c.slots
	defer j.place.leave()
	if !j.place.take(ctx) { // the store closes
		c.refresher.end(j.ref.Key, 0)
		return
	}
	claim, now, err := c.space.AcquireStale(ctx, j.ref, j.seen)
	if claim == nil {
		c.refresher.end(j.ref.Key, pauseAfter(now, err))
		return
	}
	c.space.Count(entry.CountRefresh)
	r, pause := j.load(claim), time.Duration(0)
	ctx = context.WithoutCancel(ctx)
	if r.err != nil && !r.absent {
		c.space.Count(entry.CountRefreshFailed)
		pause = c.refresher.failed(j.ref.Key)
		if _, err = claim.Cooldown(ctx, pause); err != nil {
			c.space.Count(entry.CountRedisError)
		}
	} else {
		c.finish(ctx, claim, r)
	}
	c.refresher.end(j.ref.Key, pause)
}

// pauseAfter is how long a key is left alone for which there was no claim.
func pauseAfter(now entry.Entry, err error) time.Duration {
	switch {
	case err != nil: // Redis does not answer
		return firstPause
	case now.State == entry.Leased: // another process is at it
		return shortPause
	default:
		return now.Cooldown()
	}
}
