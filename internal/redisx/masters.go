package redisx

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Single returns the node of a client that has but one, also behind Sentinel.
func (c *Client) Single() (*Node, bool) { return c.single, c.single != nil }

// NodeFor returns the node that has the key. It waits for Redis only where the slots have never been loaded.
func (c *Client) NodeFor(ctx context.Context, key string) (*Node, error) {
	if c.single != nil {
		return c.single, nil
	}
	if !c.known.Load() {
		var err error
		if early := c.await(ctx, 0, func(ctx context.Context) { _, err = c.cluster.MasterForKey(ctx, key) }); early != nil {
			return nil, early
		}
		if err != nil {
			return nil, err
		}
		c.known.Store(true)
	}
	rdb, err := c.cluster.MasterForKey(ctx, key)
	if err != nil {
		return nil, err
	}
	return c.nodeOf(rdb), nil
}

func (c *Client) nodeOf(rdb *redis.Client) *Node {
	n, _ := c.nodes.Load(rdb)
	return n.(*Node)
}

// EachMaster calls f for every master, at the same time, and waits for all. Of a Cluster it loads the slots first. The
// error is the first of any f, or says why the masters are not known.
func (c *Client) EachMaster(ctx context.Context, f func(context.Context, *Node) error) error {
	masters, err := c.Masters(ctx)
	if err != nil {
		return err
	}
	return errors.Join(Each(masters, func(n *Node) error { return f(ctx, n) })...)
}

// Each calls f for each node, at the same time, and returns their errors in order. It panics if any f does.
func Each(nodes []*Node, f func(n *Node) error) []error {
	errs, hurts := make([]error, len(nodes)), make([]*panicked, len(nodes))
	var group sync.WaitGroup
	for i, n := range nodes {
		group.Go(func() { hurts[i] = n.client.guard(nil, func() { errs[i] = f(n) }) })
	}
	group.Wait()
	for _, hurt := range hurts {
		hurt.again()
	}
	return errs
}

// Masters returns all masters. Of a Cluster it loads the slots first, or uses those of before where that fails.
func (c *Client) Masters(ctx context.Context) ([]*Node, error) {
	if c.single != nil {
		return []*Node{c.single}, nil
	}
	var mu sync.Mutex
	var masters []*Node
	var err error
	early := c.await(ctx, 0, func(ctx context.Context) {
		found := c.cluster.ForEachMaster(ctx, func(_ context.Context, rdb *redis.Client) error {
			mu.Lock()
			defer mu.Unlock()
			masters = append(masters, c.nodeOf(rdb))
			return nil
		})
		mu.Lock()
		defer mu.Unlock()
		err = found
	})
	if early != nil {
		return nil, early
	}
	return masters, err
}

// DoubtOthers makes the connections to all other nodes than these ask whom they reach. When one is a master again it may
// have something else.
func (c *Client) DoubtOthers(masters []*Node) {
	c.endpoints.mu.Lock()
	defer c.endpoints.mu.Unlock()
	for _, e := range c.endpoints.byAddr {
		if !slices.ContainsFunc(masters, func(n *Node) bool { return n.endpoint == e }) {
			e.doubt()
		}
	}
}
