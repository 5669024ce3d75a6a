package redisx

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx/internal/endpoint"
	"github.com/jollyjet/aside/internal/redisx/internal/rediserr"
)

// Node is one server of a client: the only one, or a node of a Cluster.
type Node struct {
	rdb      *redis.Client
	dial     endpoint.Dialer // does not check which server it reaches
	endpoint *endpoint.Endpoint
	work     *work
	large    *largeKeys
	observer *observer
	shared   batcher
}

// nodeConfig is what nodes of one client have in common.
type nodeConfig struct {
	work    *work
	large   *largeKeys
	breaker func(*Node) Breaker                                 // nil: none
	hooks   []redis.Hook                                        // of the node's own client
	share   func(ctx context.Context, n *Node, cmds ...Command) // sends the commands of a shared pipeline
}

// newNode makes a node, and has build make its client, whose connections say which server they reach.
func newNode(o *redis.Options, build func(*redis.Options) *redis.Client, observer *observer, c nodeConfig) *Node {
	if o.Dialer == nil {
		o.Dialer = redis.NewDialer(o)
	}
	n := &Node{dial: o.Dialer, endpoint: observer.endpoint, work: c.work, large: c.large, observer: observer}
	n.shared.work = c.work
	n.shared.send = func(ctx context.Context, cmds ...Command) { c.share(ctx, n, cmds...) }
	o.Dialer = n.endpoint.Dialer(patient(o.Dialer))
	n.rdb = build(o)
	if c.breaker != nil {
		observer.breaker = c.breaker(n)
	}
	n.rdb.AddHook(observer)
	for _, h := range c.hooks {
		n.rdb.AddHook(h)
	}
	return n
}

// Addr is the address of the node.
func (n *Node) Addr() string { return n.endpoint.Addr() }

// Do carries out one command on this node. If ctx or the time-out ends before the reply arrives, the command may still be
// carried out, and must not be touched any more.
func (n *Node) Do(ctx context.Context, cmd Command) error {
	if err := n.DoAll(ctx, cmd); err != nil {
		return err
	}
	return cmd.result().err
}

// DoAll carries out commands on this node, in one pipeline over one connection. Each has its own error. If DoAll itself
// returns one, the commands must not be touched any more.
func (n *Node) DoAll(ctx context.Context, cmds ...Command) error {
	return n.work.await(ctx, 0, func(ctx context.Context) { n.send(ctx, cmds...) })
}

// send carries out commands over one connection, and gives each an outcome. Commands whose connection was discarded are
// sent once more, over a new connection: none of them was carried out by the right server.
func (n *Node) send(ctx context.Context, cmds ...Command) {
	n.exchange(ctx, n.rdb, cmds)
	var again []Command
	for _, cmd := range cmds {
		if rediserr.IsDiscarded(cmd.result().err) {
			again = append(again, cmd)
		}
	}
	if len(again) == 0 || ctx.Err() != nil {
		return
	}
	for _, cmd := range again {
		reset(cmd)
	}
	n.exchange(ctx, n.rdb, again)
}

// exchange sends commands over one connection, and remembers whose keys are large.
func (n *Node) exchange(ctx context.Context, to sender, cmds []Command) {
	defer n.large.learn(cmds)
	exchange(ctx, to, cmds)
}
