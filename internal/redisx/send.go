package redisx

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// ShareFrom is the default of [Limits.ShareFrom]. Measured on loopback, sharing is slower for 4 callers, even for 6, and
// quicker for 8 or more: 3.5 times for 64.
const ShareFrom = 8

// busyFor is how many commands share after the last one that found enough others on their way. The replies of a pipeline
// arrive together, so for a moment after them there are few.
const busyFor = 256

// grace is for how much longer than the time-out a caller waits: the client below has a better word for what went wrong.
func grace(timeout time.Duration) time.Duration { return min(timeout/10, 20*time.Millisecond) }

// Do carries out a command on the master that has the key. If ctx ends before the reply is there, or the time-out does, the
// error says so and the command must not be touched any more: it may still be carried out.
func (c *Client) Do(ctx context.Context, key string, cmd Command) error {
	if err := c.do(ctx, key, cmd); err != nil {
		return err
	}
	return cmd.result().err
}

// do is Do for a caller that looks at the command's own error. The error it returns says that there is nothing to look at.
func (c *Client) do(ctx context.Context, key string, cmd Command) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n, err := c.NodeFor(ctx, key)
	if err != nil {
		return err
	}
	c.scout.use(n)
	defer c.leave()
	size := requestBytes(cmd)
	if c.enter() && size < largeBytes && len(cmd.Args()) <= maxShared && !c.large.has(key) {
		err = c.share(ctx, n.shared.submit(size, cmd))
	} else {
		err = c.finish(ctx, c.start(ctx, n, cmd))
	}
	if err == nil && redirected(cmd.result().err) && c.cluster != nil {
		err = c.redirect(ctx, cmd)
	}
	return err
}

// share waits for a batch.
func (c *Client) share(ctx context.Context, b *batch) error {
	if err := c.wait(ctx, 0, b.done); err != nil {
		return err
	}
	b.hurt.again()
	return nil
}

// redirect has a command carried out that its node has sent elsewhere. go-redis knows where to, and loads the slots.
func (c *Client) redirect(ctx context.Context, cmds ...Command) error {
	return c.await(ctx, 0, func(ctx context.Context) {
		for _, cmd := range cmds {
			unsettle(cmd)
			settle(cmd, c.cluster.Process(ctx, cmd))
		}
	})
}

// sending is commands on their way to a node, in a goroutine of their own. It is the context of their going: see bounded.
type sending struct {
	bounded
	node *Node
	cmds []Command
	one  [1]Command    // room for the usual number
	done chan struct{} // receives when the commands have an outcome; the goroutine touches nothing after that
	run  func()        // send, as a value
	hurt *panicked     // what a hook has panicked with
	told atomic.Bool   // of the panic, or that nobody waits for it
}

// newSending takes one from the pool. Pools are the client's own, so that they can live in a bubble of testing/synctest.
func (c *Client) newSending() *sending {
	if s, ok := c.sendings.Get().(*sending); ok {
		return s
	}
	s := &sending{done: make(chan struct{}, 1)}
	s.run = s.send
	return s
}

// start sends commands to a node, and does not wait. It returns nil if the client is closed.
func (c *Client) start(ctx context.Context, n *Node, cmds ...Command) *sending {
	if !c.hold() {
		return nil
	}
	s := c.newSending()
	s.bounded, s.node = c.bound(ctx, 0), n
	s.cmds = append(s.one[:0], cmds...)
	go s.run()
	return s
}

func (s *sending) send() {
	c := s.node.client
	s.hurt = c.guard(s.cmds, func() { c.through(s, s.node, s.cmds...) })
	if s.hurt != nil && s.told.Swap(true) && c.limits.Recovered != nil {
		c.limits.Recovered("hook", s.hurt.value)
	}
	c.working.Done()
	s.done <- struct{}{}
}

// panicked is what a hook of the user's has panicked with. Whoever waits for the command panics with it in turn, as if
// the hook had run in that goroutine.
type panicked struct{ value any }

func (p *panicked) again() {
	if p != nil {
		panic(p.value)
	}
}

// errPanic is what becomes of commands whose hook has panicked.
var errPanic = errors.New("redisx: a hook has panicked")

// guard runs f, which sends the commands, and catches a panic.
func (c *Client) guard(cmds []Command, f func()) (hurt *panicked) {
	defer func() {
		if value := recover(); value != nil {
			hurt = &panicked{value}
			for _, cmd := range cmds {
				settle(cmd, errPanic)
			}
		}
	}()
	f()
	return nil
}

// finish waits for what was started. After an error the commands must not be touched.
func (c *Client) finish(ctx context.Context, s *sending) error {
	if s == nil {
		return ErrClosed
	}
	if err := c.wait(ctx, 0, s.done); err != nil {
		if s.told.Swap(true) { // it has just panicked
			s.hurt.again()
		}
		return err
	}
	hurt := s.hurt
	s.bounded, s.node, s.cmds, s.one, s.hurt = bounded{}, nil, nil, [1]Command{}, nil
	s.told.Store(false)
	c.sendings.Put(s)
	hurt.again()
	return nil
}

// await runs f, which sends and waits for replies, and returns when it has, when ctx ends, or when the time-out and more
// are over, whatever holds up the client below. Then f goes on by itself for a moment; what it touches must not be touched
// by anybody else, as its context tells. That has the values of ctx and the deadline of the command, but not the caller's:
// a caller who leaves does not cost a connection.
func (c *Client) await(ctx context.Context, more time.Duration, f func(ctx context.Context)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	done := make(chan struct{})
	below := c.bound(ctx, more)
	var hurt *panicked
	if !c.work(func() { defer close(done); hurt = c.guard(nil, func() { f(below) }) }) {
		return ErrClosed
	}
	if err := c.wait(ctx, more, done); err != nil {
		return err
	}
	hurt.again()
	return nil
}

// wait waits for done, but no longer than ctx and the time-out allow.
func (c *Client) wait(ctx context.Context, more time.Duration, done <-chan struct{}) error {
	patience := c.limits.Timeout + more + grace(c.limits.Timeout)
	t, ok := c.timers.Get().(*time.Timer)
	if ok {
		t.Reset(patience)
	} else {
		t = time.NewTimer(patience)
	}
	defer func() { t.Stop(); c.timers.Put(t) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return timeoutError{}
	}
}

func (c *Client) bound(ctx context.Context, more time.Duration) bounded {
	return bounded{ctx, time.Now().Add(c.limits.Timeout + more)}
}

// bounded is a context with the values of another, and a deadline in place of that one's end. It is never done: what looks
// at the deadline ends with it.
type bounded struct {
	context.Context
	deadline time.Time
}

func (b bounded) Deadline() (time.Time, bool) { return b.deadline, true }
func (bounded) Done() <-chan struct{}         { return nil }

// Err is asked before something is begun.
func (b bounded) Err() error {
	if time.Now().Before(b.deadline) {
		return nil
	}
	return context.DeadlineExceeded
}

// enter counts a command as on its way, until leave, and reports whether it shares a pipeline.
func (c *Client) enter() (shares bool) {
	busy := c.busy.Add(1)
	switch {
	case c.limits.ShareFrom == 0:
		return false
	case busy >= int64(c.limits.ShareFrom):
		if c.credit.Load() < busyFor/2 { // so that not every command writes to it
			c.credit.Store(busyFor)
		}
		return true
	default:
		return c.credit.Load() > 0 && c.credit.Add(-1) >= 0
	}
}

func (c *Client) leave() { c.busy.Add(-1) }
