package redisx

import (
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// Limits replace the timeouts and retries of the client that [Own] is given.
type Limits struct {
	Timeout      time.Duration // for a whole command: the wait for a connection, the dial, the handshake and the reply
	ReplicaReads bool          // accept a client that reads from replicas, and use their replies
	Hooks        []redis.Hook
	ShareFrom    int // from how many commands in flight they share pipelines; 0: never

	Probes  bool                  // the owner calls Probe about every second, so the client need not
	Watcher Watcher               // learns which servers connections reach; nil: one that logs servers that do not say
	Breaker func(n *Node) Breaker // of a node; nil: none
	Log     *slog.Logger          // gets what Redis refuses; nil: nothing is logged
	Keys    string                // the pattern of the keys that are used

	Recovered func(what string, value any) // gets a hook's panic that no caller waits for; nil: nobody does
}

// sentinelAddr is what go-redis calls the node behind Sentinel, whichever it is.
const sentinelAddr = "FailoverClient"

// sentinelIdle is how long a connection to a master that Sentinel named may be idle. When Sentinel names another master,
// go-redis closes the connections of the given client, but not ours. A connection that survives because the old master
// hung must not be used when that master is back. Before Sentinel names another one, the old master has not answered for
// longer than this.
const sentinelIdle = time.Second

func (l *Limits) nodeOptions(given *redis.Options) *redis.Options {
	o, t := *given, l.Timeout
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = t, t, t, t
	o.ContextTimeoutEnabled = true
	o.DialerRetries, o.MaxRetries = 1, -1
	o.PushNotificationProcessor = nil // each client has its own
	if o.Addr == sentinelAddr && (o.ConnMaxIdleTime <= 0 || o.ConnMaxIdleTime > sentinelIdle) {
		o.ConnMaxIdleTime = sentinelIdle
	}
	return &o
}

func (l *Limits) clusterOptions(given *redis.ClusterOptions) *redis.ClusterOptions {
	o, t := *given, l.Timeout
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = t, t, t, t
	o.ContextTimeoutEnabled = true
	o.DialerRetries, o.MaxRetries = 1, -1
	o.PushNotificationProcessor = nil // each client has its own
	return &o
}
