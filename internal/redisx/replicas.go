package redisx

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// RunThenWait carries out the calls, and then asks over the same connection how many replicas have them: WAIT counts what
// was written over its own connection. It gives the replicas no longer than within.
func (n *Node) RunThenWait(ctx context.Context, replicas int, within time.Duration, calls ...*Call) (acked int, err error) {
	own := make([]*Call, len(calls)) // the caller may leave while they are written to
	for i, c := range calls {
		own[i] = &Call{Name: c.Name, Script: c.Script, Key: c.Key, With: c.With, Args: c.Args}
	}
	wait := &Cmd{Cmd: redis.NewCmd(ctx, "wait", replicas, within.Milliseconds())}
	err = n.work.await(ctx, within, func(ctx context.Context) {
		cn := n.rdb.WithTimeout(n.work.timeout + within).Conn()
		defer func() { _ = cn.Close() }() // it goes back to the pool
		_ = sendCalls(own, func(calls []*Call, inFull bool) { n.exchange(ctx, cn, commands(ctx, calls, inFull)) })
		n.exchange(ctx, cn, []Command{wait})
	})
	if err != nil {
		failAll(ctx, calls, err)
		return 0, err
	}
	for i, c := range calls {
		c.Reply = own[i].Reply
	}
	if err := errorOfAny(calls); err != nil {
		return 0, err
	}
	return wait.Int()
}
