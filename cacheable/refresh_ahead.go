package cacheable

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/tracing"
)

// RefreshAhead loads a value again, in the background, when a read finds that this fraction of its time to live has
// passed. One process in the fleet does it, and no read waits for it. A load that fails is tried again later, at
// growing intervals of a second to five minutes; the value stays until its time to live ends. What evicts, expires or
// stores the value ends these intervals. By default values are loaded only when they are gone.
func RefreshAhead(fraction float64) Option {
	if !(fraction > 0 && fraction < 1) {
		panic(fmt.Sprintf("cacheable: RefreshAhead(%v): use a fraction between 0 and 1, such as 0.8", fraction))
	}
	return func(s *settings) { s.ahead = fraction }
}

// EarlyRefresh is [RefreshAhead] at random. The closer a value is to its end, and the longer its load took, the more
// likely a read has it loaded again in the background. A beta of 1 is best for most loads; a larger one refreshes
// earlier. This is XFetch (Vattani, Chierichetti and Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB
// 2015).
func EarlyRefresh(beta float64) Option {
	if !(beta > 0 && beta <= 1000) {
		panic(fmt.Sprintf("cacheable: EarlyRefresh(%v): use a beta above 0, such as 1", beta))
	}
	return func(s *settings) { s.beta = beta }
}

// leasedPause is the pause after a refresh that found another process loading the value.
const leasedPause = 20 * time.Millisecond

// refresher decides which values are loaded again before their time to live ends, and loads them in the background.
type refresher[K comparable, V any] struct {
	*refreshes
	loader   *loader[K, V]
	fraction float64 // 0 without RefreshAhead
	beta     float64 // 0 without EarlyRefresh
}

func newRefresher[K comparable, V any](l *loader[K, V], s *settings) *refresher[K, V] {
	return &refresher[K, V]{refreshes: newRefreshes(), loader: l, fraction: s.ahead, beta: s.beta}
}

// due reports whether a value should be loaded again now.
func (r *refresher[K, V]) due(age, ttl, cost time.Duration) bool {
	if r.fraction > 0 && age >= time.Duration(r.fraction*float64(ttl)) {
		return true
	}
	return r.beta > 0 && float64(age)-float64(cost)*r.beta*math.Log(1-rand.Float64()) >= float64(ttl)
}

// dueIn is how long this process may use a value before it must check whether it is due.
func (r *refresher[K, V]) dueIn(age, ttl time.Duration) time.Duration {
	left := ttl - age
	if r.fraction > 0 {
		left = time.Duration(r.fraction*float64(ttl)) - age
	}
	return max(left, 0)
}

// start loads a value that was found again, in the background, unless this process is doing so already.
func (r *refresher[K, V]) start(ctx context.Context, key K, ref *entry.Ref, found entry.Entry) {
	if !r.begin(ref.Key, found.Token()) {
		return
	}
	req := &request[K]{ctx: ctx, key: key, ref: ref, found: found, slot: r.loader.slots.slot()}
	if !r.loader.cache.Lifecycle().Load(func() { r.end(ref.Key, r.refresh(req)) }) {
		r.end(ref.Key, 0)
	}
}

// refresh loads a value, and returns the pause until the next refresh of the key.
func (r *refresher[K, V]) refresh(req *request[K]) time.Duration {
	l := r.loader
	ctx, cancel := l.cache.Lifecycle().LoadContext(req.ctx, 0)
	defer cancel()
	defer req.slot.release()
	if !req.slot.acquire(ctx) { // the store closes
		return 0
	}
	lease, found, err := l.cache.AcquireStale(ctx, req.ref, req.found, true)
	if lease == nil {
		return unleasedPause(found, err)
	}
	l.cache.Count(entry.CountRefresh)
	loaded := l.run(req, &req.found, lease, tracing.CauseAhead)
	ctx = context.WithoutCancel(ctx)
	if loaded.answered() && !loaded.derived {
		l.finish(ctx, lease, loaded)
		return 0
	}
	l.cache.Count(entry.CountRefreshFailed)
	pause := r.failed(req.ref.Key)
	if _, err = lease.Cooldown(ctx, pause); err != nil {
		l.cache.Count(entry.CountRedisError)
	}
	return pause
}

// unleasedPause is the pause after a refresh that did not get a lease.
func unleasedPause(found entry.Entry, err error) time.Duration {
	switch {
	case err != nil: // Redis does not answer
		return firstBackoff
	case found.State == entry.Leased:
		return leasedPause
	default:
		return found.Cooldown()
	}
}
