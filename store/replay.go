package store

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
)

// replay repeats the evictions until none is left or the store closes.
func (q *queue) replay() {
	const least = 10 * time.Millisecond
	pause := least
	for !q.over() {
		if q.round(q.st.life.background, q.st.deliver) > 0 {
			pause = least
			continue
		}
		if !q.rest(pause/2 + rand.N(pause)) {
			return
		}
		pause = min(2*pause, q.st.cfg.replayEvery)
	}
}

// rest waits for d, or until a master has answered. It reports false if the store closed first.
func (q *queue) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-q.wake:
		return true
	case <-q.st.life.background.Done():
		return false
	}
}

// over reports whether the queue is empty, and if so that replay is over; the next failure starts another.
func (q *queue) over() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.keys) == 0 {
		q.replaying = false
	}
	return !q.replaying
}

// round repeats every eviction once, and returns how many were carried out. Those for a master that does not answer do not
// keep those for others waiting.
func (q *queue) round(ctx context.Context, send func(context.Context, ...*call) error) (n int) {
	q.mu.Lock()
	coarse := q.coarsen()
	if coarse {
		q.rewrite()
	}
	q.mu.Unlock()
	q.complain(coarse)
	for _, batch := range q.batches() {
		if ctx.Err() != nil {
			break
		}
		n += q.attempt(ctx, batch, send)
	}
	return n
}

// repetition is an eviction that is repeated.
type repetition struct {
	addr string
	waiting
}

func (q *queue) batches() [][]repetition {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := make([]repetition, 0, len(q.keys))
	for addr, w := range q.keys {
		all = append(all, repetition{addr, w})
	}
	return slices.Collect(slices.Chunk(all, evictBatch))
}

// attempt repeats one batch, and returns how many evictions were carried out.
func (q *queue) attempt(ctx context.Context, batch []repetition, send func(context.Context, ...*call) error) int {
	calls := make([]*call, len(batch))
	for i, r := range batch {
		calls[i] = r.call()
	}
	_ = q.st.tagsFirst(ctx, send, calls...) // each call has its own error
	n, over := q.settled(batch, calls)
	if !over.began.IsZero() {
		q.st.cfg.log.Info("aside: all queued evictions are carried out",
			"queued", over.queued, "replayed", over.replayed, "after", time.Since(over.began).Round(time.Millisecond))
	}
	return n
}

// call evicts the key, and ends the hold that the eviction was to end; while that is to stay it stays for the time that is
// left.
func (r repetition) call() *call {
	token := r.token
	if token == (envelope.Token{}) {
		token = envelope.NewToken()
	}
	left := max(0, time.Until(r.until).Milliseconds())
	return &call{Script: unholdScript, Key: r.addr, Args: []any{envelope.HoldPrefix(), token[:], left, []byte{}, 0}}
}

// settled removes the evictions that were carried out, and returns how many these are. If none is left it returns the
// outage, which is over then.
func (q *queue) settled(batch []repetition, calls []*call) (n int, over outage) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var gone []repetition
	for i, r := range batch {
		if calls[i].Err() != nil {
			continue
		}
		n++
		q.st.changed(r.addr)
		if w, ok := q.keys[r.addr]; ok && w.failure == r.failure {
			delete(q.keys, r.addr)
			q.remember(r.addr, r.eviction)
			gone = append(gone, r)
		}
	}
	q.n.Store(int64(len(q.keys)))
	q.st.stats.replayed.Add(int64(n))
	q.outage.replayed += int64(n)
	if len(q.keys) == 0 {
		over, q.outage = q.outage, outage{}
	}
	q.erase(gone)
	return n, over
}

// flush tries once more when the store closes, breaker or not, and returns how many evictions are left.
func (q *queue) flush(ctx context.Context) int {
	q.st.breakers.past.Store(true)
	for !q.empty() && q.round(ctx, q.st.run) > 0 {
	}
	n := int(q.n.Load())
	if n > 0 {
		q.st.cfg.log.Error("aside: closed with evictions that did not reach Redis", "keys", n, "journal", q.journal != nil)
	}
	return n
}
