package redisx

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx/internal/rediserr"
)

func ping(ctx context.Context) *Cmd { return &Cmd{Cmd: redis.NewCmd(ctx, "ping")} }

// Ping asks the node whether it answers, as [Node.Probe] does. took is the time from sending to the reply; after an error,
// the time that Ping took.
func (n *Node) Ping(ctx context.Context) (took time.Duration, err error) {
	began := time.Now()
	sent, err := n.probe(ctx, ping(ctx), true)
	if err == nil {
		began = sent
	}
	return time.Since(began), err
}

// Probe carries out a command past the breaker, which gets the outcome, and asks which server it reaches. Where an address
// may one day lead elsewhere it uses a new connection: only a new one shows where the address leads now. It returns when the
// command was sent, over a connection that was ready. Probe takes no longer than the client's time-out.
func (n *Node) Probe(ctx context.Context, cmd Command) (sent time.Time, err error) {
	return n.probe(ctx, cmd, false)
}

// probe is Probe. With once the command has the error of the PING that makes the connection ready, if there is one, so
// that the breaker counts one failure; that of a discarded connection is tried again.
func (n *Node) probe(ctx context.Context, cmd Command, once bool) (sent time.Time, err error) {
	var began time.Time // not sent itself: the caller may leave before it is written
	err = n.work.await(ctx, 0, func(ctx context.Context) {
		ctx = pastBreaker(ctx)
		if n.endpoint.Cluster {
			n.endpoint.Doubt() // so that the connection asks which server it reaches
			began = time.Now()
			n.send(ctx, cmd)
			return
		}
		fresh := n.newConnection()
		defer func() { _ = fresh.Close() }() // it has served its purpose
		first := ping(ctx)
		n.exchange(ctx, fresh, []Command{first})
		if err := first.result().err; once && err != nil && !rediserr.IsDiscarded(err) {
			complete(cmd, err)
			return
		}
		began = time.Now()
		n.exchange(ctx, fresh, []Command{cmd})
	})
	if err != nil {
		return time.Time{}, err
	}
	return began, cmd.result().err
}

// newConnection returns a client with one connection, which says which server it reaches.
func (n *Node) newConnection() *redis.Client {
	o := n.Options()
	o.Dialer = n.rdb.Options().Dialer // the endpoint's
	o.PoolSize, o.MinIdleConns, o.PipelinePoolSize = 1, 0, -1
	rdb := redis.NewClient(o)
	rdb.AddHook(n.observer)
	return rdb
}
