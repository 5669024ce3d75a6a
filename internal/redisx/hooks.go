package redisx

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"
)

// The hooks of a Cluster client see a command once, and a pipeline as one, whatever nodes its commands go to; so do those
// of go-redis's Cluster client. On a single node they are the node's.

// hooked reports whether commands have to pass hooks before they are sent to their nodes.
func (c *Client) hooked() bool { return c.clustered && len(c.limits.Hooks) > 0 }

// through sends commands to a node, through the hooks if there are any.
func (c *Client) through(ctx context.Context, n *Node, cmds ...Command) {
	if !c.hooked() {
		n.send(ctx, cmds...)
		return
	}
	if len(cmds) > 1 {
		c.throughAll(ctx, []*sent{{node: n, cmds: cmds}})
		return
	}
	process := func(ctx context.Context, cmd redis.Cmder) error {
		n.send(ctx, cmd.(Command))
		return errorOf(cmd)
	}
	for i := len(c.limits.Hooks) - 1; i >= 0; i-- {
		process = c.limits.Hooks[i].ProcessHook(process)
	}
	cmds[0].SetErr(process(ctx, cmds[0]))
}

// throughAll sends commands to several nodes at the same time, as one pipeline for the hooks.
func (c *Client) throughAll(ctx context.Context, parts []*sent) {
	nodes := make(map[redis.Cmder]*Node)
	var all []redis.Cmder
	for _, part := range parts {
		for _, cmd := range part.cmds {
			nodes[cmd] = part.node
			all = append(all, cmd)
		}
	}
	process := func(ctx context.Context, cmds []redis.Cmder) error { return sendEach(ctx, nodes, cmds) }
	for i := len(c.limits.Hooks) - 1; i >= 0; i-- {
		process = c.limits.Hooks[i].ProcessPipelineHook(process)
	}
	err := process(ctx, all)
	for _, cmd := range all {
		settle(cmd, err)
	}
}

// sendEach sends each command to its node, and returns the first error of any.
func sendEach(ctx context.Context, nodes map[redis.Cmder]*Node, cmds []redis.Cmder) error {
	byNode := make(map[*Node][]Command)
	for _, cmd := range cmds {
		byNode[nodes[cmd]] = append(byNode[nodes[cmd]], cmd.(Command))
	}
	var group sync.WaitGroup
	for n, part := range byNode {
		group.Go(func() { n.send(ctx, part...) })
	}
	group.Wait()
	for _, cmd := range cmds {
		if err := errorOf(cmd); err != nil {
			return err
		}
	}
	return nil
}
