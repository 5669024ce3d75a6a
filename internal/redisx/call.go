package redisx

import (
	"context"
	"errors"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Call is one command on one key: a script, or a plain command.
type Call struct {
	Script *Script
	Name   string // of the command, where there is no script
	Key    string
	Args   []any      // after the key
	Reply  *redis.Cmd // after Run; nil if it was never sent
}

// Get is a call that reads a key.
func Get(key string) *Call { return &Call{Name: "get", Key: key} }

// ErrNotSent is what became of a call that Run was not called for.
var ErrNotSent = errors.New("not sent")

// Err is what became of the call. That there is no key, or for a GET that it is not a string, is not an error; Reply
// has no text then.
func (c *Call) Err() error {
	if c.Reply == nil {
		return ErrNotSent
	}
	err := c.Reply.Err()
	if err == redis.Nil || c.Name == "get" && redis.HasErrorPrefix(err, "WRONGTYPE") { //nolint:errorlint // go-redis returns it bare
		return nil
	}
	return err
}

// Did reports whether a script that answers 1 for done did it.
func (c *Call) Did() bool {
	if c.Reply == nil {
		return false
	}
	n, err := c.Reply.Int()
	return err == nil && n == 1
}

// fail gives the call an outcome of its own: what it had may still be written to.
func (c *Call) fail(ctx context.Context, err error) {
	c.Reply = redis.NewCmd(ctx)
	c.Reply.SetErr(err)
}

// Run carries out the calls in one round trip (one per node of a Cluster). A script that a server does not know yet is
// sent in full in a second one; nothing else is ever carried out twice. The error is the first of any call.
func Run(ctx context.Context, c *Client, calls ...*Call) error {
	return run(calls, func(calls []*Call, whole bool) { c.run(ctx, calls, whole) })
}

func run(calls []*Call, send func(calls []*Call, whole bool)) error {
	send(calls, false)
	var again []*Call
	for _, c := range calls {
		if c.Script != nil && redis.HasErrorPrefix(c.Reply.Err(), "NOSCRIPT") {
			again = append(again, c)
		}
	}
	if len(again) > 0 {
		send(again, true)
	}
	return firstError(calls)
}

func firstError(calls []*Call) error {
	for _, c := range calls {
		if err := c.Err(); err != nil {
			return err
		}
	}
	return nil
}

// run carries out the calls, and gives each a reply of its own to read, whatever became of it.
func (c *Client) run(ctx context.Context, calls []*Call, whole bool) {
	if len(calls) == 1 {
		if err := c.do(ctx, calls[0].Key, commands(ctx, calls, whole)[0]); err != nil {
			calls[0].fail(ctx, err)
		}
		return
	}
	var moved []*Call
	for _, s := range c.dispatch(ctx, calls, whole) {
		moved = append(moved, s.settle(ctx, c)...)
	}
	if len(moved) == 0 {
		return
	}
	if err := c.redirect(ctx, commands(ctx, moved, whole)...); err != nil {
		for _, call := range moved {
			call.fail(ctx, err)
		}
	}
}

// sent are calls that are on their way to a node.
type sent struct {
	node  *Node
	calls []*Call
	cmds  []Command
	wait  func() error // until all have an outcome; after an error they must not be touched
}

// dispatch sends the calls, to all nodes at the same time, and does not wait.
func (c *Client) dispatch(ctx context.Context, calls []*Call, whole bool) (all []*sent) {
	byNode := make(map[*Node]*sent, 1)
	for _, call := range calls {
		n, err := c.NodeFor(ctx, call.Key)
		if err != nil {
			call.fail(ctx, err)
			continue
		}
		if byNode[n] == nil {
			byNode[n] = &sent{node: n}
			all = append(all, byNode[n])
		}
		byNode[n].calls = append(byNode[n].calls, call)
	}
	for _, s := range all {
		s.cmds = commands(ctx, s.calls, whole)
	}
	if len(all) > 1 && c.hooked() {
		c.beginAll(ctx, all)
		return all
	}
	for _, s := range all {
		s.wait = c.begin(ctx, s.node, s)
	}
	return all
}

// beginAll sends calls to several nodes, as one pipeline for the hooks.
func (c *Client) beginAll(ctx context.Context, all []*sent) {
	wait := sync.OnceValue(func() error {
		return c.await(ctx, 0, func(ctx context.Context) { c.throughAll(ctx, all) })
	})
	for _, s := range all {
		s.wait = wait
	}
}

// begin sends calls to a node, with those of others if there are many at the moment.
func (c *Client) begin(ctx context.Context, n *Node, s *sent) (wait func() error) {
	if err := ctx.Err(); err != nil {
		return func() error { return err }
	}
	size, large := 0, len(s.cmds) > maxShared
	for i, cmd := range s.cmds {
		size += requestBytes(cmd)
		large = large || c.large.has(s.calls[i].Key)
	}
	c.scout.use(n)
	shares := c.enter()
	if shares && size < largeBytes && !large {
		b := n.shared.submit(size, s.cmds...)
		return func() error { defer c.leave(); return c.share(ctx, b) }
	}
	started := c.start(ctx, n, s.cmds...)
	return func() error { defer c.leave(); return c.finish(ctx, started) }
}

// settle waits for the calls, and returns those that are to go to another node.
func (s *sent) settle(ctx context.Context, c *Client) (moved []*Call) {
	if err := s.wait(); err != nil {
		for _, call := range s.calls {
			call.fail(ctx, err)
		}
		return nil
	}
	for i, call := range s.calls {
		if c.cluster != nil && redirected(s.cmds[i].result().err) {
			moved = append(moved, call)
		}
	}
	return moved
}

// commands makes the commands of the calls, whose replies these are from now on.
func commands(ctx context.Context, calls []*Call, whole bool) []Command {
	cmds := make([]Command, len(calls))
	for i, c := range calls {
		c.Reply = c.command(ctx, whole)
		cmds[i] = &Cmd{Cmd: c.Reply}
	}
	return cmds
}

func (c *Call) command(ctx context.Context, whole bool) *redis.Cmd {
	args := make([]any, 0, 4+len(c.Args))
	switch {
	case c.Script == nil:
		args = append(args, c.Name, c.Key)
	case whole:
		args = append(args, "eval", c.Script.text, 1, c.Key)
	default:
		args = append(args, "evalsha", c.Script.sha, 1, c.Key)
	}
	cmd := redis.NewCmd(ctx, append(args, c.Args...)...)
	if c.Script != nil {
		cmd.SetFirstKeyPos(3)
	}
	return cmd
}
