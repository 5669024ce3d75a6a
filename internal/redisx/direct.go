package redisx

import (
	"context"
	"sync"
	"sync/atomic"
)

// direct sends commands that do not share a pipeline with others, each in a goroutine of its own.
type direct struct {
	work      *work
	hooks     hookChain
	recovered func(what string, value any) // gets a hook's panic that no caller waits for; nil: nobody
	pool      sync.Pool                    // of *sending; the client's own, so that they can live in a bubble of testing/synctest
}

// sending are commands in flight, and the context that they are sent with.
type sending struct {
	bounded
	direct *direct
	node   *Node
	cmds   []Command
	one    [1]Command    // room for the usual number
	done   chan struct{} // receives when the commands have an outcome; the goroutine touches nothing after that
	run    func()        // send, as a value
	caught *panicked     // the panic of a hook; written before done receives
	taken  atomic.Bool   // somebody has taken caught, or nobody waits for it
}

func (d *direct) newSending() *sending {
	if s, ok := d.pool.Get().(*sending); ok {
		return s
	}
	s := &sending{direct: d, done: make(chan struct{}, 1)}
	s.run = s.send
	return s
}

// start sends commands to a node, and does not wait. It returns nil if the client is closed.
func (d *direct) start(ctx context.Context, n *Node, cmds ...Command) *sending {
	if !d.work.begin() {
		return nil
	}
	s := d.newSending()
	s.bounded, s.node = d.work.bound(ctx, 0), n
	s.cmds = append(s.one[:0], cmds...)
	go s.run()
	return s
}

func (s *sending) send() {
	d := s.direct
	s.caught = catch(s.cmds, func() { d.hooks.send(s, s.node, s.cmds...) })
	if s.caught != nil && s.taken.Swap(true) && d.recovered != nil {
		d.recovered("hook", s.caught.value)
	}
	d.work.running.Done()
	s.done <- struct{}{}
}

// finish waits for what was started. After an error the commands must not be touched.
func (d *direct) finish(ctx context.Context, s *sending) error {
	if s == nil {
		return ErrClosed
	}
	if err := d.work.wait(ctx, 0, s.done); err != nil {
		if s.taken.Swap(true) { // it has just panicked
			s.caught.rethrow()
		}
		return err
	}
	caught := s.caught
	s.bounded, s.node, s.cmds, s.one, s.caught = bounded{}, nil, nil, [1]Command{}, nil
	s.taken.Store(false)
	d.pool.Put(s)
	caught.rethrow()
	return nil
}
