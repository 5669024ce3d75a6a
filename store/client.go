package store

import (
	"fmt"

	"github.com/redis/go-redis/v9"
)

// derive makes the store's own client. The given one decides where Redis is and how to log in; how long to wait and
// how often to try is decided here, because a cache that waits longer than its loader takes is worse than none.
func derive(given redis.UniversalClient, c *config) (redis.UniversalClient, error) {
	var own redis.UniversalClient
	switch given := given.(type) {
	case *redis.Client:
		own = redis.NewClient(nodeOptions(given.Options(), c))
	case *redis.ClusterClient:
		o := *given.Options()
		if o.ReadOnly && !c.replicas {
			return nil, fmt.Errorf("%w: it reads from replicas, which may serve evicted values; leave ReadOnly, "+
				"RouteByLatency and RouteRandomly unset, or pass store.AllowReplicaReads()", ErrClient)
		}
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = c.timeout, c.timeout, c.timeout, c.timeout
		o.ContextTimeoutEnabled = true
		o.DialerRetries, o.MaxRetries = 1, -1
		o.PushNotificationProcessor = nil // each client has its own
		own = redis.NewClusterClient(&o)
	default:
		return nil, fmt.Errorf("%w: %T; use a *redis.Client (one node or Sentinel) or a *redis.ClusterClient", ErrClient, given)
	}
	for _, h := range c.hooks {
		own.AddHook(h)
	}
	return own, nil
}

// nodeOptions copies the options of a client for one node and sets the store's timeouts.
func nodeOptions(given *redis.Options, c *config) *redis.Options {
	o := *given
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = c.timeout, c.timeout, c.timeout, c.timeout
	o.ContextTimeoutEnabled = true
	o.DialerRetries, o.MaxRetries = 1, -1
	o.PushNotificationProcessor = nil // each client has its own
	return &o
}
