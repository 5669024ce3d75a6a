package redisx

import (
	"context"
	"sync"
)

// Run carries out the calls in one round trip (one per node of a Cluster). A script that a server does not know yet is
// sent in full in a second one; nothing else is ever carried out twice. The error is the first of any call.
func Run(ctx context.Context, c *Client, calls ...*Call) error {
	return sendCalls(calls, func(calls []*Call, inFull bool) { c.run(ctx, calls, inFull) })
}

// run carries out the calls, and gives each a reply of its own to read, whatever its outcome.
func (c *Client) run(ctx context.Context, calls []*Call, inFull bool) {
	if len(calls) == 1 {
		if err := c.do(ctx, calls[0].Key, commands(ctx, calls, inFull)[0]); err != nil {
			calls[0].fail(ctx, err)
		}
		return
	}
	var moved []*Call
	for _, s := range c.dispatch(ctx, calls, inFull) {
		moved = append(moved, c.collect(ctx, s)...)
	}
	if len(moved) == 0 {
		return
	}
	if err := c.redirect(ctx, commands(ctx, moved, inFull)...); err != nil {
		failAll(ctx, moved, err)
	}
}

// sent are the calls of one Run that are in flight to one node.
type sent struct {
	part
	calls []*Call
	wait  func() error // until all have an outcome; after an error they must not be touched
}

// dispatch sends the calls, to all nodes at the same time, and does not wait.
func (c *Client) dispatch(ctx context.Context, calls []*Call, inFull bool) (all []*sent) {
	byNode := make(map[*Node]*sent, 1)
	for _, call := range calls {
		n, err := c.NodeFor(ctx, call.Key)
		if err != nil {
			call.fail(ctx, err)
			continue
		}
		if byNode[n] == nil {
			byNode[n] = &sent{part: part{node: n}}
			all = append(all, byNode[n])
		}
		byNode[n].calls = append(byNode[n].calls, call)
	}
	for _, s := range all {
		s.cmds = commands(ctx, s.calls, inFull)
	}
	if len(all) > 1 && len(c.hooks) > 0 {
		c.startTogether(ctx, all)
		return all
	}
	for _, s := range all {
		s.wait = c.start(ctx, s)
	}
	return all
}

// startTogether sends calls to several nodes, as one pipeline for the hooks.
func (c *Client) startTogether(ctx context.Context, all []*sent) {
	parts := make([]*part, len(all))
	for i, s := range all {
		parts[i] = &s.part
	}
	wait := sync.OnceValue(func() error {
		return c.work.await(ctx, 0, func(ctx context.Context) { c.hooks.sendAll(ctx, parts) })
	})
	for _, s := range all {
		s.wait = wait
	}
}

// start sends calls to a node, in a shared pipeline if many commands are in flight.
func (c *Client) start(ctx context.Context, s *sent) (wait func() error) {
	if err := ctx.Err(); err != nil {
		return func() error { return err }
	}
	size, large := 0, len(s.cmds) > maxShared
	for i, cmd := range s.cmds {
		size += requestBytes(cmd)
		large = large || c.large.has(s.calls[i].Key)
	}
	c.scout.use(s.node)
	shares := c.sharing.enter()
	if shares && size < largeBytes && !large {
		b := s.node.shared.submit(size, s.cmds...)
		return func() error { defer c.sharing.leave(); return s.node.shared.wait(ctx, b) }
	}
	started := c.direct.start(ctx, s.node, s.cmds...)
	return func() error { defer c.sharing.leave(); return c.direct.finish(ctx, started) }
}

// collect waits for the calls, and returns those that another node has to carry out.
func (c *Client) collect(ctx context.Context, s *sent) (moved []*Call) {
	if err := s.wait(); err != nil {
		failAll(ctx, s.calls, err)
		return nil
	}
	for i, call := range s.calls {
		if c.redirected(s.cmds[i]) {
			moved = append(moved, call)
		}
	}
	return moved
}
