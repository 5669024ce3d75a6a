package redisx

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx/internal/endpoint"
	"github.com/jollyjet/aside/internal/redisx/internal/refusals"
)

// Refusal is a cause for which Redis refuses commands.
type Refusal = refusals.Refusal

// Client is made by [Own]. All its commands are sent once, end with their callers' contexts and within the time-out, and
// are answered by masters only. When many are in flight they share pipelines.
type Client struct {
	*topology

	own      redis.UniversalClient
	work     *work
	hooks    hookChain
	sharing  sharing
	direct   direct
	large    *largeKeys
	scout    scout
	refusals *refusals.Log
}

// IsNil reports whether there is no client: given is nil, or a nil pointer of a type that implements the interface.
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

// Own makes a client from the options of another. The given one decides where Redis is and how to log in. How long to wait
// and how often to try is decided here: a cache that waits longer than the work it saves is worth nothing.
func Own(given redis.UniversalClient, l Limits) (*Client, error) {
	switch given := given.(type) {
	case *redis.Client:
		c := newClient(l, false)
		observer := c.observer(c.topology.endpoints.At(given.Options().Addr), &discovery{})
		c.single = newNode(l.nodeOptions(given.Options()), redis.NewClient, observer, c.nodeConfig(l, l.Hooks))
		c.own = c.single.rdb
		return c, nil
	case *redis.ClusterClient:
		if given.Options().ReadOnly && !l.ReplicaReads {
			return nil, ErrReplicas
		}
		c := newClient(l, true)
		c.hooks, c.direct.hooks = l.Hooks, l.Hooks
		c.cluster = c.newCluster(l.clusterOptions(given.Options()), c.nodeConfig(l, nil))
		c.own = c.cluster
		return c, nil
	default:
		return nil, fmt.Errorf("%w: %T; use a *redis.Client (one node or Sentinel) or a *redis.ClusterClient", ErrClient, given)
	}
}

// newClient returns a client without nodes.
func newClient(l Limits, cluster bool) *Client {
	if l.Watcher == nil && l.Log != nil {
		l.Watcher = endpoint.LogBlind(l.Log)
	}
	w := newWork(l.Timeout)
	endpoints := endpoint.NewSet(endpoint.Config{Replicas: l.ReplicaReads, Cluster: cluster, Watcher: l.Watcher})
	return &Client{
		topology: &topology{work: w, endpoints: endpoints},
		work:     w,
		sharing:  sharing{from: l.ShareFrom},
		direct:   direct{work: w, recovered: l.Recovered},
		large:    &largeKeys{},
		scout:    scout{work: w, off: cluster || l.Probes},
		refusals: refusals.New(l.Log, l.Keys, commandsOf),
	}
}

func (c *Client) nodeConfig(l Limits, hooks []redis.Hook) nodeConfig {
	return nodeConfig{
		work: c.work, large: c.large, breaker: l.Breaker, hooks: hooks,
		share: func(ctx context.Context, n *Node, cmds ...Command) { c.hooks.send(ctx, n, cmds...) },
	}
}

func (c *Client) observer(e *endpoint.Endpoint, d *discovery) *observer {
	return &observer{endpoint: e, discovery: d, refusals: c.refusals}
}

// newCluster makes the client of a Cluster, whose nodes' clients are ours.
func (c *Client) newCluster(o *redis.ClusterOptions, config nodeConfig) *redis.ClusterClient {
	build := o.NewClient // set by redis.NewClusterClient
	d := &discovery{work: c.work}
	o.NewClient = func(of *redis.Options) *redis.Client {
		n := newNode(of, build, c.observer(c.endpoints.At(of.Addr), d), config)
		c.nodes.Store(n.rdb, n)
		return n.rdb
	}
	d.cluster = redis.NewClusterClient(o)
	return d.cluster
}

// Refusals are the causes for which Redis refuses commands at present.
func (c *Client) Refusals() []Refusal { return c.refusals.Now() }

// Remedy says what to do about a refusal.
func (c *Client) Remedy(err error) string { return c.refusals.Advice(err) }

// Close ends commands in flight, waits for the client's goroutines, and closes the connections.
func (c *Client) Close() error {
	if !c.work.close() {
		return nil
	}
	err := c.own.Close()
	c.work.running.Wait()
	return err
}
