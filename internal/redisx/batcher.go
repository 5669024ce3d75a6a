package redisx

import (
	"context"
	"runtime"
	"sync"
)

const (
	batchCommands = 300       // as many share a pipeline at most
	batchBytes    = 128 << 10 // and so many bytes of requests, but for the last of them
	largeBytes    = 32 << 10  // a request or reply of this size goes over a connection of its own
)

// batcher sends the commands of many callers to one node in shared pipelines, one after the other: while one is under way
// the next one fills.
type batcher struct {
	node *Node

	mu      sync.Mutex
	running bool
	queue   []*batch // all but the last are full
}

// batch is one pipeline.
type batch struct {
	cmds  []Command
	bytes int
	done  chan struct{} // closed when all commands have an outcome
	hurt  *panicked     // what a hook has panicked with
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
		b.running = b.node.client.work(b.run)
		if !b.running {
			b.queue = nil
			return closedBatch(cmds)
		}
	}
	return last
}

// closedBatch is one that is over because the client is closed.
func closedBatch(cmds []Command) *batch {
	for _, cmd := range cmds {
		cmd.SetErr(ErrClosed)
	}
	over := &batch{done: make(chan struct{})}
	close(over.done)
	return over
}

// run sends pipelines until there is nothing to send. Before each it lets the callers run whom the last one has woken, so
// that their next commands go together.
func (b *batcher) run() {
	for {
		runtime.Gosched()
		b.mu.Lock()
		if len(b.queue) == 0 {
			b.running = false
			b.mu.Unlock()
			return
		}
		next := b.queue[0]
		b.queue = b.queue[1:]
		b.mu.Unlock()
		c := b.node.client
		next.hurt = c.guard(next.cmds, func() { c.through(c.bound(context.Background(), 0), b.node, next.cmds...) })
		close(next.done)
	}
}
