package tracking

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// client returns a client for exactly one connection, which has tracking switched on, and a func that says why that did
// not succeed. go-redis would silently reconnect a subscription; a second connection is refused here, because whatever
// was missed in between has to count as changed.
func (c *conn) client() (*redis.Client, func() error) {
	o := c.node.Options()
	o.Protocol = 2 // with RESP3 the keys would come as pushes, not as messages
	o.PoolSize, o.MinIdleConns, o.MaxRetries = 1, 0, -1
	o.PushNotificationProcessor = nil
	o.ReadTimeout, o.WriteTimeout = c.tracker.cfg.Timeout, c.tracker.cfg.Timeout
	given, connections := o.OnConnect, atomic.Int32{}
	var refusal atomic.Value
	o.OnConnect = func(ctx context.Context, cn *redis.Conn) error {
		if connections.Add(1) > 1 {
			return errSecondConn
		}
		if given != nil {
			if err := given(ctx, cn); err != nil {
				return err
			}
		}
		reached, err := track(ctx, cn, c.node, c.tracker.cfg.Keys.Prefix())
		if err != nil {
			refusal.Store(&err)
			return err
		}
		c.reached = reached
		return nil
	}
	return redis.NewClient(o), func() error {
		if err, ok := refusal.Load().(*error); ok {
			return *err
		}
		return nil
	}
}

// track switches tracking on for a connection to node, and tells which server the connection reaches.
func track(ctx context.Context, cn *redis.Conn, node *redisx.Node, prefix string) (redisx.Identity, error) {
	reached, err := node.Identify(ctx, cn)
	if err != nil {
		return reached, err
	}
	id, err := cn.ClientID(ctx).Result()
	if err != nil {
		return reached, fmt.Errorf("CLIENT ID: %w", err)
	}
	err = cn.Do(ctx, "client", "tracking", "on", "redirect", id, "bcast", "prefix", prefix).Err()
	if err != nil {
		return reached, fmt.Errorf("CLIENT TRACKING: %w", err)
	}
	return reached, nil
}
