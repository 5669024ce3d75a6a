package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
)

const (
	masters   = 3
	slotCount = 16384
)

// Cluster is three masters with one replica each. Which node is a master can
// change, so ask [Cluster.MasterFor] and [Cluster.ReplicaOf] again after a
// failover.
type Cluster struct {
	nodes []*Server
	ids   map[*Server]string // a node keeps its id across restarts
}

// StartCluster runs a cluster until the end of the test. All slots are served
// and all replicas are in sync when it returns. Each config is one line of
// redis.conf for every node, such as "cluster-require-full-coverage no".
func StartCluster(tb testing.TB, config ...string) *Cluster {
	tb.Helper()
	Require(tb)
	c, err := launchCluster(tb.TempDir(), config)
	if err != nil {
		tb.Fatal(err)
	}
	for _, n := range c.nodes {
		n.own(tb)
	}
	return c
}

// launchCluster leaves no process behind if it fails.
func launchCluster(dir string, config []string) (*Cluster, error) {
	c := &Cluster{ids: map[*Server]string{}}
	err := c.launchNodes(dir, append([]string{
		"cluster-enabled yes",
		"cluster-config-file nodes.conf",
		"cluster-node-timeout 1500",
		"cluster-announce-ip 127.0.0.1",
		"cluster-require-full-coverage yes",
		// A replica may take over however long it was cut off, and never
		// changes its master by itself: there are always three pairs.
		"cluster-replica-validity-factor 0",
		"cluster-migration-barrier 100",
	}, config...))
	if err == nil {
		err = c.join()
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *Cluster) launchNodes(dir string, config []string) error {
	nodes := make([]*Server, 2*masters)
	errs := make([]error, len(nodes))
	var wg sync.WaitGroup
	for i := range nodes {
		wg.Go(func() {
			label := fmt.Sprintf("node%d", i)
			sub := filepath.Join(dir, label)
			if errs[i] = os.Mkdir(sub, 0o700); errs[i] == nil {
				nodes[i], errs[i] = launch(spec{label: label, dir: sub, config: config})
			}
		})
	}
	wg.Wait()
	for _, n := range nodes {
		if n != nil {
			c.nodes = append(c.nodes, n)
		}
	}
	return errors.Join(errs...)
}

// join forms a cluster of the nodes. The first three become masters with a third
// of the slots each, the others their replicas.
func (c *Cluster) join() error {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	for i, n := range c.nodes {
		id, err := n.text(ctx, "CLUSTER", "MYID")
		if err != nil {
			return err
		}
		c.ids[n] = id
		// Different epochs from the start avoid collisions, which the nodes
		// would have to resolve. They can be set only before the first MEET.
		if _, err := n.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1); err != nil {
			return err
		}
		if i < masters {
			if err := n.addSlots(ctx, i*slotCount/masters, (i+1)*slotCount/masters); err != nil {
				return err
			}
		}
	}
	for _, n := range c.nodes[1:] {
		if _, err := c.nodes[0].Do(ctx, "CLUSTER", "MEET", "127.0.0.1", n.port); err != nil {
			return err
		}
	}
	for i, n := range c.nodes[masters:] {
		// A node must have heard of its master through gossip first.
		if err := poll(readyTimeout, n.String()+": replicate", func(ctx context.Context) error {
			_, err := n.Do(ctx, "CLUSTER", "REPLICATE", c.ids[c.nodes[i]])
			return err
		}); err != nil {
			return err
		}
	}
	return poll(readyTimeout, "cluster start", func(ctx context.Context) error {
		for i, n := range c.nodes {
			if err := n.seesWhole(ctx); err != nil {
				return err
			}
			if i >= masters {
				if err := n.linked(ctx, c.nodes[i-masters]); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// addSlots assigns [from, to) to a node. ADDSLOTSRANGE would need Redis 7.
func (s *Server) addSlots(ctx context.Context, from, to int) error {
	args := []any{"CLUSTER", "ADDSLOTS"}
	for slot := from; slot < to; slot++ {
		args = append(args, slot)
	}
	_, err := s.Do(ctx, args...)
	return err
}

func (c *Cluster) close() error {
	errs := make([]error, 0, len(c.nodes))
	for _, n := range c.nodes {
		errs = append(errs, n.close())
	}
	return errors.Join(errs...)
}

// Nodes returns all six nodes; the first three began as masters.
func (c *Cluster) Nodes() []*Server { return append([]*Server(nil), c.nodes...) }

// Addrs returns the address of every node.
func (c *Cluster) Addrs() []string {
	addrs := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		addrs[i] = n.Addr()
	}
	return addrs
}

// Client returns a cluster client with the default options, changed by opts,
// that is closed at the end of tb.
func (c *Cluster) Client(tb testing.TB, opts ...func(*redis.ClusterOptions)) *redis.ClusterClient {
	tb.Helper()
	o := &redis.ClusterOptions{Addrs: c.Addrs()}
	for _, opt := range opts {
		opt(o)
	}
	rdb := redis.NewClusterClient(o)
	closeLater(tb, rdb)
	return rdb
}
