package outbox

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/wire"
)

// begin has what waits repeated, one by one or all at once. The caller holds mu. It reports whether it is now that all
// evictions become one of everything.
func (o *Outbox) begin() (coarse bool) {
	if len(o.queue.keys) == 0 {
		return false
	}
	if o.queue.outage.began.IsZero() {
		o.queue.outage.began = time.Now()
	}
	coarse = o.coarsen()
	o.n.Store(int64(len(o.queue.keys)))
	if !o.replaying {
		o.replaying = o.cfg.Life.Background("replay of evictions", o.replay)
	}
	return coarse
}

// coarsen is called with mu held.
func (o *Outbox) coarsen() bool {
	if !o.queue.coarsen() {
		return false
	}
	o.n.Store(1)
	o.overflows.Add(1)
	return true
}

// replay repeats the evictions until none is left or the store closes. It does not pause for longer than until a master has
// answered.
func (o *Outbox) replay(ctx context.Context) {
	backoff := pause.Backoff{Least: 10 * time.Millisecond, Most: o.cfg.RetryMost}
	for !o.over() {
		if o.ReplayOnce(ctx) > 0 {
			backoff.Reset()
		} else if !backoff.WaitUntil(ctx, o.wake) {
			return
		}
	}
}

// ReplayOnce repeats every eviction once, and returns how many were carried out.
func (o *Outbox) ReplayOnce(ctx context.Context) int { return o.round(ctx, o.cfg.Deliver) }

// Suspend keeps queued evictions from being repeated until the func that it returns is called. Tests use it to look at a
// process whose evictions are stuck.
func (o *Outbox) Suspend() (resume func()) {
	o.mu.Lock()
	for o.replaying { // the last eviction is carried out before the replay ends
		o.mu.Unlock()
		time.Sleep(time.Millisecond)
		o.mu.Lock()
	}
	o.replaying = true
	o.mu.Unlock()
	return func() {
		o.mu.Lock()
		o.replaying = false
		o.mu.Unlock()
		o.Add(Eviction{}, nil)
	}
}

// over reports whether the queue is empty, and if so that replay is over; the next failure starts another.
func (o *Outbox) over() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue.keys) == 0 {
		o.replaying = false
	}
	return !o.replaying
}

// round repeats every eviction once, and returns how many were carried out. Those for a master that does not answer do not
// keep those for others waiting.
func (o *Outbox) round(ctx context.Context, send wire.Send) (n int) {
	for _, batch := range o.due() {
		if ctx.Err() != nil {
			break
		}
		n += o.attempt(ctx, batch, send)
	}
	return n
}

// due returns what waits, in batches.
func (o *Outbox) due() [][]repetition {
	o.mu.Lock()
	coarse := o.coarsen()
	if coarse {
		o.file.rewrite(&o.queue)
	}
	batches := o.queue.batches()
	o.mu.Unlock()
	o.complain(coarse)
	return batches
}

// attempt repeats one batch, and returns how many evictions were carried out.
func (o *Outbox) attempt(ctx context.Context, batch []repetition, send wire.Send) int {
	calls := make([]*wire.Call, len(batch))
	for i, r := range batch {
		calls[i] = r.call()
	}
	_ = send(ctx, calls...) // each call has its own error
	n, over := o.carriedOut(batch, calls)
	if !over.began.IsZero() {
		o.cfg.Log.Info("aside: all queued evictions are carried out",
			"queued", over.queued, "replayed", over.replayed, "after", over.waited().Round(time.Millisecond))
	}
	return n
}

// carriedOut removes the evictions that were carried out, and returns how many these are. If none is left it returns the
// outage, which is over then.
func (o *Outbox) carriedOut(batch []repetition, calls []*wire.Call) (n int, over outage) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var gone []repetition
	for i, r := range batch {
		if calls[i].Err() != nil {
			continue
		}
		n++
		o.cfg.Changed(r.addr)
		if o.queue.remove(r) {
			o.history.add(r.addr, r.Eviction)
			gone = append(gone, r)
		}
	}
	o.n.Store(int64(len(o.queue.keys)))
	o.replayed.Add(int64(n))
	o.queue.outage.replayed += int64(n)
	if len(o.queue.keys) == 0 {
		over, o.queue.outage = o.queue.outage, outage{}
	}
	o.file.erase(&o.queue, gone)
	return n, over
}

// Flush tries once more when the store closes, and returns how many evictions are left.
func (o *Outbox) Flush(ctx context.Context) int {
	for !o.Empty() && o.round(ctx, o.cfg.Flush) > 0 {
	}
	n := int(o.n.Load())
	if n > 0 {
		o.keep()
		o.cfg.Log.Error("aside: closed with evictions that did not reach Redis", "keys", n, "journal", o.Journaled())
	}
	return n
}
