package redisx

import (
	"context"
	"runtime"
	"sync"
)

const (
	batchCommands = 300       // the most commands that share a pipeline
	batchBytes    = 128 << 10 // the most bytes of their requests, not counting the last one
)

// batcher sends the commands of many callers to one node in shared pipelines, one after the other: while one is in flight
// the next one fills.
type batcher struct {
	work *work
	send func(ctx context.Context, cmds ...Command) // gives each an outcome

	mu      sync.Mutex // held while work.mu is taken
	running bool       // guarded by mu
	queue   []*batch   // guarded by mu; all but the last are full
}

// batch is one pipeline.
type batch struct {
	cmds   []Command     // guarded by the batcher's mu while the batch is queued, then owned by run
	bytes  int           // as cmds
	done   chan struct{} // closed when all commands have an outcome
	caught *panicked     // the panic of a hook; written before done is closed
}

// submit has commands sent, together. It does not wait.
func (b *batcher) submit(size int, cmds ...Command) *batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.queue); n == 0 || len(b.queue[n-1].cmds)+len(cmds) > batchCommands || b.queue[n-1].bytes >= batchBytes {
		b.queue = append(b.queue, &batch{done: make(chan struct{})})
	}
	last := b.queue[len(b.queue)-1]
	last.cmds = append(last.cmds, cmds...)
	last.bytes += size
	if !b.running {
		b.running = b.work.start(b.run)
		if !b.running {
			b.queue = nil
			return closedBatch(cmds)
		}
	}
	return last
}

// closedBatch returns a batch that is done because the client is closed.
func closedBatch(cmds []Command) *batch {
	for _, cmd := range cmds {
		cmd.SetErr(ErrClosed)
	}
	over := &batch{done: make(chan struct{})}
	close(over.done)
	return over
}

// run sends pipelines until the queue is empty. Before each it yields to the callers whom the last one has woken, so that
// their next commands go together.
func (b *batcher) run() {
	for {
		runtime.Gosched()
		next := b.next()
		if next == nil {
			return
		}
		next.caught = catch(next.cmds, func() { b.send(b.work.bound(context.Background(), 0), next.cmds...) })
		close(next.done)
	}
}

// next takes the first batch of the queue. It returns nil, and ends running, if there is none.
func (b *batcher) next() *batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		b.running = false
		return nil
	}
	first := b.queue[0]
	b.queue = b.queue[1:]
	return first
}

// wait waits for a batch. After an error its commands must not be touched.
func (b *batcher) wait(ctx context.Context, of *batch) error {
	if err := b.work.wait(ctx, 0, of.done); err != nil {
		return err
	}
	of.caught.rethrow()
	return nil
}
