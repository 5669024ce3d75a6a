package redisx

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrClient is wrapped by the error of [Own] for a client that can't be used. The text says what to change.
var ErrClient = errors.New("unsuitable Redis client")

// ErrReplicas is returned by [Own] for a client that reads from replicas.
var ErrReplicas = fmt.Errorf("%w: it reads from replicas, which lag; leave ReadOnly, RouteByLatency and RouteRandomly unset", ErrClient)

// IsNil reports whether there is no client, also where it is a nil pointer of a type that is one.
func IsNil(given redis.UniversalClient) bool {
	switch given := given.(type) {
	case nil:
		return true
	case *redis.Client:
		return given == nil
	case *redis.ClusterClient:
		return given == nil
	default:
		return false
	}
}

// Limits are what a client of one's own has in place of the given one's timeouts and retries.
type Limits struct {
	Timeout      time.Duration // for the wait for a connection, the dial, and the reply, each for itself
	ReplicaReads bool          // accept a client that reads from replicas
	Hooks        []redis.Hook
	ShareFrom    int // so many commands on their way at once share pipelines; 0: never

	Node func(addr string) Node // watches over each node; nil: nobody does
}

// Node is told what happens between a client and one node.
type Node interface {
	// Connected is called with each new connection, after logging in and before anything else. A connection for which
	// it returns an error is not used.
	Connected(ctx context.Context, cn *redis.Conn) error
	redis.Hook
}

// sentinelAddr is what go-redis calls the node behind Sentinel, whichever it is.
const sentinelAddr = "FailoverClient"

// sentinelIdle is how long a connection to a master that Sentinel named may be idle. The connections of the client given
// are closed when Sentinel names another, but not those of ours: one that survives, because the old master hung, must not
// be used when that one is back. Before Sentinel names another, the old one has not answered for longer than this.
const sentinelIdle = time.Second

// Own makes a client from the options of another. The given one decides where Redis is and how to log in; how long to
// wait and how often to try is decided here, because what waits longer than the work that it saves is worth nothing.
func Own(given redis.UniversalClient, l Limits) (*Client, error) {
	var own redis.UniversalClient
	switch given := given.(type) {
	case *redis.Client:
		own = l.newNode(nodeOptions(given.Options(), l), redis.NewClient)
	case *redis.ClusterClient:
		o := given.Options()
		if o.ReadOnly && !l.ReplicaReads {
			return nil, ErrReplicas
		}
		own = redis.NewClusterClient(clusterOptions(o, l))
	default:
		return nil, fmt.Errorf("%w: %T; use a *redis.Client (one node or Sentinel) or a *redis.ClusterClient", ErrClient, given)
	}
	for _, h := range l.Hooks {
		own.AddHook(h)
	}
	return newClient(own, l.ShareFrom)
}

// newNode has a client of one node made, which tries to connect whenever it has to, and is watched over.
func (l *Limits) newNode(o *redis.Options, build func(*redis.Options) *redis.Client) *redis.Client {
	if o.Dialer == nil {
		o.Dialer = redis.NewDialer(o)
	}
	o.Dialer = patient(o.Dialer)
	if l.Node == nil {
		return build(o)
	}
	node, given := l.Node(o.Addr), o.OnConnect
	o.OnConnect = func(ctx context.Context, cn *redis.Conn) error {
		if err := node.Connected(ctx, cn); err != nil || given == nil {
			return err
		}
		return given(ctx, cn)
	}
	client := build(o)
	client.AddHook(node)
	return client
}

func nodeOptions(given *redis.Options, l Limits) *redis.Options {
	o := *given
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = l.Timeout, l.Timeout, l.Timeout, l.Timeout
	o.ContextTimeoutEnabled = true
	o.DialerRetries, o.MaxRetries = 1, -1
	o.PushNotificationProcessor = nil // each client has its own
	if o.Addr == sentinelAddr && (o.ConnMaxIdleTime <= 0 || o.ConnMaxIdleTime > sentinelIdle) {
		o.ConnMaxIdleTime = sentinelIdle
	}
	return &o
}

func clusterOptions(given *redis.ClusterOptions, l Limits) *redis.ClusterOptions {
	o := *given
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = l.Timeout, l.Timeout, l.Timeout, l.Timeout
	o.ContextTimeoutEnabled = true
	o.DialerRetries, o.MaxRetries = 1, -1
	o.PushNotificationProcessor = nil // each client has its own
	newNode := o.NewClient            // set by redis.NewClusterClient
	o.NewClient = func(of *redis.Options) *redis.Client { return l.newNode(of, newNode) }
	return &o
}
