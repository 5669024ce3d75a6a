package redisx

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"

	"github.com/jollyjet/aside/internal/redisx/internal/endpoint"
)

// topology knows the nodes of a client.
type topology struct {
	work      *work
	endpoints *endpoint.Set

	single  *Node                // of a client of one node
	cluster *redis.ClusterClient // of a client of a Cluster
	nodes   sync.Map             // *Node by *redis.Client, of a Cluster
	known   atomic.Bool          // the slots have been loaded once
	loading singleflight.Group   // shares a load of the masters
}

// Single returns the node of a client that has but one, also behind Sentinel.
func (t *topology) Single() (*Node, bool) { return t.single, t.single != nil }

// NodeFor returns the node that has the key. It waits for Redis only where the slots have never been loaded.
func (t *topology) NodeFor(ctx context.Context, key string) (*Node, error) {
	if t.single != nil {
		return t.single, nil
	}
	if !t.known.Load() {
		var err error
		if early := t.work.await(ctx, 0, func(ctx context.Context) { _, err = t.cluster.MasterForKey(ctx, key) }); early != nil {
			return nil, early
		}
		if err != nil {
			return nil, err
		}
		t.known.Store(true)
	}
	rdb, err := t.cluster.MasterForKey(ctx, key)
	if err != nil {
		return nil, err
	}
	return t.nodeOf(rdb), nil
}

func (t *topology) nodeOf(rdb *redis.Client) *Node {
	n, _ := t.nodes.Load(rdb)
	return n.(*Node)
}

// Masters returns all masters. Of a Cluster it loads the slots first, or uses those of before where that fails. Callers at
// the same time share one load.
func (t *topology) Masters(ctx context.Context) ([]*Node, error) {
	if t.single != nil {
		return []*Node{t.single}, nil
	}
	var masters any
	var err error
	early := t.work.await(ctx, 0, func(ctx context.Context) {
		masters, err, _ = t.loading.Do("masters", func() (any, error) { return t.load(ctx) })
	})
	if early != nil {
		return nil, early
	}
	return slices.Clone(masters.([]*Node)), err
}

func (t *topology) load(ctx context.Context) (masters []*Node, err error) {
	var mu sync.Mutex // guards masters
	err = t.cluster.ForEachMaster(ctx, func(_ context.Context, rdb *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		masters = append(masters, t.nodeOf(rdb))
		return nil
	})
	mu.Lock()
	defer mu.Unlock()
	return masters, err
}

// EachMaster calls f for every master, at the same time, and waits for all. Of a Cluster it loads the slots first. The
// error joins those of all f, or says why the masters are not known.
func (t *topology) EachMaster(ctx context.Context, f func(context.Context, *Node) error) error {
	masters, err := t.Masters(ctx)
	if err != nil {
		return err
	}
	return errors.Join(Each(masters, func(n *Node) error { return f(ctx, n) })...)
}

// Each calls f for each node, at the same time, and returns their errors in order. It panics if any f does.
func Each(nodes []*Node, f func(n *Node) error) []error {
	errs, caught := make([]error, len(nodes)), make([]*panicked, len(nodes))
	var group sync.WaitGroup
	for i, n := range nodes {
		group.Go(func() { caught[i] = catch(nil, func() { errs[i] = f(n) }) })
	}
	group.Wait()
	for _, p := range caught {
		p.rethrow()
	}
	return errs
}

// DoubtOthers makes the connections to all other nodes than these ask again which server they reach: a node that becomes a
// master again may have other data.
func (t *topology) DoubtOthers(masters []*Node) {
	t.endpoints.DoubtOthers(func(e *endpoint.Endpoint) bool {
		return slices.ContainsFunc(masters, func(n *Node) bool { return n.endpoint == e })
	})
}
