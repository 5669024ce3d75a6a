package redisx

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Node is one server of a client: the only one, or a node of a Cluster.
type Node struct {
	client   *Client
	rdb      *redis.Client
	endpoint *endpoint
	dial     dialer  // without a guard
	breaker  Breaker // nil: none
	shared   batcher
}

// Breaker keeps commands from a node that does not answer.
type Breaker interface {
	// Allow returns why nothing is to be sent, or nil.
	Allow() error
	// Record takes what became of a command; a reply that there is nothing is no error. It is called for every command
	// that was sent, also if its caller has left.
	Record(err error)
}

// Addr is the address of the node.
func (n *Node) Addr() string { return n.endpoint.addr }

// Doubt makes every connection to the node ask whom it reaches before its next command.
func (n *Node) Doubt() { n.endpoint.doubt() }

// probing marks the context of a command that is sent although a breaker is open.
type probing struct{}

// Probe asks the node whether it is there, past the breaker, which is told. It takes no longer than the client's time-out.
func (n *Node) Probe(ctx context.Context) error {
	return n.Do(context.WithValue(ctx, probing{}, true), &Cmd{Cmd: redis.NewCmd(ctx, "ping")})
}

// Do carries out one command on this node. If ctx ends before the reply is there, or the time-out does, the command must
// not be touched any more: it may still be carried out.
func (n *Node) Do(ctx context.Context, cmd Command) error {
	if err := n.client.await(ctx, 0, func(ctx context.Context) { n.send(ctx, cmd) }); err != nil {
		return err
	}
	return cmd.result().err
}

// DoAll carries out commands on this node, in one pipeline over one connection. Each has its own error, but if DoAll
// returns one they must not be touched any more.
func (n *Node) DoAll(ctx context.Context, cmds ...Command) error {
	return n.client.await(ctx, 0, func(ctx context.Context) { n.send(ctx, cmds...) })
}

// send carries out commands over one connection, and gives each its outcome. What was refused because of the server that
// the connection leads to is sent once more, over a new connection.
func (n *Node) send(ctx context.Context, cmds ...Command) {
	n.exchange(ctx, n.rdb, cmds)
	var again []Command
	for _, cmd := range cmds {
		if refused(cmd.result().err) {
			again = append(again, cmd)
		}
	}
	if len(again) == 0 || ctx.Err() != nil {
		return
	}
	for _, cmd := range again {
		unsettle(cmd)
	}
	n.exchange(ctx, n.rdb, again)
}

// sender is a client of one node, or one connection of it.
type sender interface {
	Process(ctx context.Context, cmd redis.Cmder) error
	Pipeline() redis.Pipeliner
}

// exchange is the one place of the module that sends pipelines.
func (n *Node) exchange(ctx context.Context, to sender, cmds []Command) {
	defer n.client.large.learn(cmds)
	if len(cmds) == 1 {
		settle(cmds[0], to.Process(ctx, cmds[0]))
		return
	}
	pipe := to.Pipeline()
	for _, cmd := range cmds {
		_ = pipe.Process(ctx, cmd) // it only queues
	}
	_, err := pipe.Exec(ctx)
	for _, cmd := range cmds {
		settle(cmd, err)
	}
}

// DialHook implements [redis.Hook].
func (n *Node) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook]. The command has no error of its own yet when next returns.
func (n *Node) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if handshake[cmd.Name()] {
			return next(ctx, cmd)
		}
		if err := n.allow(ctx); err != nil {
			return err
		}
		err := next(ctx, cmd)
		n.observe(cmd, err)
		return err
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (n *Node) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if handshake[cmds[0].Name()] {
			return next(ctx, cmds)
		}
		if err := n.allow(ctx); err != nil {
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
			return err
		}
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			settle(cmd, err)
			n.observe(cmd, errorOf(cmd))
		}
		return err
	}
}

func (n *Node) allow(ctx context.Context) error {
	if n.breaker == nil || ctx.Value(probing{}) != nil {
		return nil
	}
	return n.breaker.Allow()
}

// observe takes note of what became of a command, whether or not anybody still waits for it.
func (n *Node) observe(cmd redis.Cmder, err error) {
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	if n.breaker != nil {
		n.breaker.Record(err)
	}
	if err == nil {
		n.client.discovery.answered(n)
		return
	}
	if Says(err, "MOVED", "READONLY", "MASTERDOWN") {
		n.Doubt() // it may be a master again before anybody looks, and have something else
	}
	if Unhealthy(err) {
		n.client.discovery.failed(n)
	}
	if Refused(err) {
		n.client.refusals.note(n.Addr(), cmd, err)
	}
}

// Look carries out a command past the breaker, to see how the node is, and asks whom it reaches. Where an address can lead
// elsewhere one day it does so over a new connection, for only such a one shows where it leads now. It returns when the
// command was sent, over a connection that was ready.
func (n *Node) Look(ctx context.Context, cmd Command) (sent time.Time, err error) {
	var began time.Time // the caller may leave before it is known
	err = n.client.await(ctx, 0, func(ctx context.Context) {
		ctx = context.WithValue(ctx, probing{}, true)
		if n.endpoint.cluster {
			n.Doubt() // so that it is asked who it is
			began = time.Now()
			n.send(ctx, cmd)
			return
		}
		o := n.Options()
		o.Dialer = n.rdb.Options().Dialer // it guards
		o.PoolSize, o.MinIdleConns, o.PipelinePoolSize = 1, 0, -1
		fresh := redis.NewClient(o)
		defer func() { _ = fresh.Close() }() // its connection has served
		fresh.AddHook(n)
		n.exchange(ctx, fresh, []Command{&Cmd{Cmd: redis.NewCmd(ctx, "ping")}})
		began = time.Now()
		n.exchange(ctx, fresh, []Command{cmd})
	})
	if err != nil {
		return time.Time{}, err
	}
	return began, cmd.result().err
}

// Options are for a connection to the node that is not used for commands. Whom it reaches is found out by [Node.Identify].
func (n *Node) Options() *redis.Options {
	o := *n.rdb.Options()
	o.Dialer = patient(n.dial)
	// go-redis changes this one behind our back, and it is of no use for a single connection.
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &o
}

// Identify asks whom a connection reaches that is new and was made from [Node.Options].
func (n *Node) Identify(ctx context.Context, cn *redis.Conn) (Identity, error) {
	cmds := []Command{info(ctx, "server"), info(ctx, "replication")}
	n.exchange(ctx, cn, cmds)
	a, err := readAnswer(cmds)
	if err != nil {
		return Identity{}, err
	}
	if a.replica && !n.endpoint.replicas {
		return Identity{}, ErrNotMaster
	}
	id, err := n.endpoint.admit(a, nil)
	if err != nil {
		return Identity{}, err
	}
	return *id, nil
}

// Reaches reports whether a connection that reached the server with this identity still does what new ones do.
func (n *Node) Reaches(id Identity) bool {
	now := n.endpoint.current.Load()
	return now == nil || now.Run == id.Run
}

// RunThenWait carries out the calls over one connection, and then asks over the same how many replicas have them: WAIT
// speaks of what was written over its connection. Replicas get no longer than within.
func (n *Node) RunThenWait(ctx context.Context, replicas int, within time.Duration, calls ...*Call) (acked int, err error) {
	own := make([]*Call, len(calls)) // the caller may leave
	for i, c := range calls {
		own[i] = &Call{Name: c.Name, Script: c.Script, Key: c.Key, Args: c.Args}
	}
	wait := &Cmd{Cmd: redis.NewCmd(ctx, "wait", replicas, within.Milliseconds())}
	err = n.client.await(ctx, within, func(ctx context.Context) {
		cn := n.rdb.WithTimeout(n.client.limits.Timeout + within).Conn()
		defer func() { _ = cn.Close() }() // it goes back to the pool
		_ = run(own, func(calls []*Call, whole bool) { n.exchange(ctx, cn, commands(ctx, calls, whole)) })
		n.exchange(ctx, cn, []Command{wait})
	})
	for i, c := range calls {
		if c.Reply = own[i].Reply; err != nil {
			c.fail(ctx, err)
		}
	}
	if err != nil {
		return 0, err
	}
	if err := firstError(calls); err != nil {
		return 0, err
	}
	return wait.Int()
}
