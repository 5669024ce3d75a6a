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
func (o *Outbox) ReplayOnce(ctx context.Context) int {
	return o.round(ctx, o.cfg.Deliver, o.cfg.Together)
}

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
func (o *Outbox) round(ctx context.Context, send wire.Send, sendTogether Together) (n int) {
	batches, together, whole := o.due()
	for _, batch := range batches {
		if ctx.Err() != nil {
			return n
		}
		calls := callsOf(batch)
		_ = send(ctx, calls...) // each call has its own error
		n += o.settle(batch, calls, true)
	}
	if len(together) > 0 && ctx.Err() == nil {
		calls := callsOf(together)
		done, _ := sendTogether(ctx, calls...) // likewise
		n += o.settle(together, calls, done && whole)
	}
	return n
}

// due returns what is to be repeated now; see queue.due.
func (o *Outbox) due() (batches [][]repetition, together []repetition, whole bool) {
	o.mu.Lock()
	coarse := o.coarsen()
	if coarse {
		o.file.rewrite(&o.queue)
	}
	batches, together, whole = o.queue.due()
	o.mu.Unlock()
	o.complain(coarse)
	return batches, together, whole
}

func callsOf(batch []repetition) []*wire.Call {
	calls := make([]*wire.Call, len(batch))
	for i, r := range batch {
		calls[i] = r.call()
	}
	return calls
}

// settle takes evictions out that were carried out, unless they are not final: then it marks them. It returns how many were
// carried out for the first time.
func (o *Outbox) settle(batch []repetition, calls []*wire.Call, final bool) int {
	n, over := o.carriedOut(batch, calls, final)
	if !over.began.IsZero() {
		o.cfg.Log.Info("aside: all queued evictions are carried out",
			"queued", over.queued, "replayed", over.replayed, "after", over.waited().Round(time.Millisecond))
	}
	return n
}

// carriedOut is settle. If none is left it returns the outage, which is over then.
func (o *Outbox) carriedOut(batch []repetition, calls []*wire.Call, final bool) (n int, over outage) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var gone []repetition
	for i, r := range batch {
		ok := calls[i].Err() == nil
		if ok {
			o.cfg.Changed(r.addr)
		}
		switch {
		case !ok || !final:
			if o.queue.mark(r, ok) {
				n++
			}
		case o.queue.remove(r):
			o.history.add(r.addr, r.Eviction)
			gone = append(gone, r)
			fallthrough
		default:
			n++
			o.replayed.Add(1)
			o.queue.outage.replayed++
		}
	}
	o.n.Store(int64(len(o.queue.keys)))
	if len(o.queue.keys) == 0 {
		over, o.queue.outage = o.queue.outage, outage{}
	}
	o.file.erase(&o.queue, gone)
	return n, over
}

// Flush tries once more when the store closes, and returns how many evictions are left.
func (o *Outbox) Flush(ctx context.Context) int {
	for !o.Empty() && o.round(ctx, o.cfg.Flush, o.cfg.Last) > 0 {
	}
	n := int(o.n.Load())
	if n > 0 {
		o.keep()
		o.cfg.Log.Error("aside: closed with evictions that did not reach Redis", "keys", n, "journal", o.Journaled())
	}
	return n
}
