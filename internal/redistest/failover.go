package redistest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// manualFailover is longer than the five seconds after which a node gives up a
// requested failover.
const manualFailover = 6 * time.Second

// Failover makes the replica of master the new master, and returns when all
// nodes that answer agree. While master runs, the hand-over is orderly and master
// becomes the replica. If master is down or paused, its replica takes over.
func (c *Cluster) Failover(tb testing.TB, master *Server) {
	tb.Helper()
	if err := c.failover(master, c.ReplicaOf(tb, master)); err != nil {
		tb.Fatal(err)
	}
}

func (c *Cluster) failover(master, replica *Server) error {
	what := fmt.Sprintf("failover of %s to %s", master, replica)
	promoted := func(ctx context.Context) error {
		v, err := replica.self(ctx)
		if err != nil {
			return err
		}
		if !v.is("master") || len(v.slots) == 0 {
			return errors.New("not yet a master")
		}
		return nil
	}

	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	_, err := master.self(ctx)
	orderly := err == nil
	if orderly {
		if _, err := replica.Do(ctx, "CLUSTER", "FAILOVER"); err != nil {
			return fmt.Errorf("redistest: %s: %w", what, err)
		}
		// The vote is refused if there was a vote on the same master just
		// before, and the node does not ask again.
		orderly = poll(manualFailover, what, promoted) == nil
	}
	if !orderly {
		if _, err := replica.Do(ctx, "CLUSTER", "FAILOVER", "TAKEOVER"); err != nil {
			return fmt.Errorf("redistest: %s: %w", what, err)
		}
		if err := poll(readyTimeout, what, promoted); err != nil {
			return err
		}
	}
	return poll(readyTimeout, what, func(ctx context.Context) error {
		return c.agreed(ctx, master, replica)
	})
}

// agreed checks that every node that answers regards now as the master, and that
// old, if it answers, replicates from it.
func (c *Cluster) agreed(ctx context.Context, old, now *Server) error {
	for _, n := range c.nodes {
		views, err := n.views(ctx)
		if err != nil {
			continue
		}
		for _, v := range views {
			if v.id == c.ids[now] && (!v.is("master") || len(v.slots) == 0) {
				return fmt.Errorf("%s: takes %s for %v", n, now, v.flags)
			}
		}
		if err := n.stateOK(ctx); err != nil {
			return err
		}
		if n == old {
			if err := n.linked(ctx, now); err != nil {
				return err
			}
		}
	}
	return nil
}
