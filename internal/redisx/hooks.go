package redisx

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"
)

// hookChain are the user's hooks of a Cluster client. They see a command once, and a pipeline as one, whatever nodes its
// commands go to, as with go-redis's own Cluster client. The hooks of a client of one node are its node's.
type hookChain []redis.Hook

// part are the commands of a pipeline that go to one node.
type part struct {
	node *Node
	cmds []Command
}

// send sends commands to a node, through the hooks, and gives each an outcome.
func (h hookChain) send(ctx context.Context, n *Node, cmds ...Command) {
	if len(h) == 0 {
		n.send(ctx, cmds...)
		return
	}
	if len(cmds) > 1 {
		h.sendAll(ctx, []*part{{n, cmds}})
		return
	}
	process := func(ctx context.Context, cmd redis.Cmder) error {
		n.send(ctx, cmd.(Command))
		return errorOf(cmd)
	}
	for i := len(h) - 1; i >= 0; i-- {
		process = h[i].ProcessHook(process)
	}
	cmds[0].SetErr(process(ctx, cmds[0]))
}

// sendAll sends commands to several nodes at the same time, as one pipeline for the hooks.
func (h hookChain) sendAll(ctx context.Context, parts []*part) {
	nodes := make(map[redis.Cmder]*Node)
	var all []redis.Cmder
	for _, part := range parts {
		for _, cmd := range part.cmds {
			nodes[cmd] = part.node
			all = append(all, cmd)
		}
	}
	process := func(ctx context.Context, cmds []redis.Cmder) error { return sendEach(ctx, nodes, cmds) }
	for i := len(h) - 1; i >= 0; i-- {
		process = h[i].ProcessPipelineHook(process)
	}
	err := process(ctx, all)
	for _, cmd := range all {
		complete(cmd, err)
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
	return firstError(cmds)
}
