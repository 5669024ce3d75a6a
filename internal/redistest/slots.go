package redistest

import (
	"context"
	"fmt"
	"testing"
)

// migrateBatch is how many keys one MIGRATE moves.
const migrateBatch = 100

// MigrateSlot moves a slot and its keys from one master to another, and
// returns when all nodes know the new owner.
func (c *Cluster) MigrateSlot(tb testing.TB, slot int, from, to *Server) {
	tb.Helper()
	c.OpenSlot(tb, slot, from, to)
	c.CloseSlot(tb, slot, from, to)
}

// OpenSlot begins the move of a slot. Until [Cluster.CloseSlot], from answers
// ASK for the keys that it does not hold, and to serves them to clients that
// are ASKING.
func (c *Cluster) OpenSlot(tb testing.TB, slot int, from, to *Server) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	// In this order: if from redirected clients before to expects them, they
	// would bounce back and forth.
	c.setSlot(ctx, tb, to, slot, "IMPORTING", c.ids[from])
	c.setSlot(ctx, tb, from, slot, "MIGRATING", c.ids[to])
}

// CloseSlot ends the move: it moves the remaining keys, and gives the slot to its
// new owner.
func (c *Cluster) CloseSlot(tb testing.TB, slot int, from, to *Server) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	if err := moveKeys(ctx, slot, from, to); err != nil {
		tb.Fatal(err)
	}
	// to first: if from gave the slot up before, it would redirect clients to
	// a node that does not own it yet.
	c.setSlot(ctx, tb, to, slot, "NODE", c.ids[to])
	c.setSlot(ctx, tb, from, slot, "NODE", c.ids[to])

	what := fmt.Sprintf("slot %d to %s", slot, to)
	if err := poll(readyTimeout, what, func(ctx context.Context) error {
		for _, n := range c.nodes {
			views, err := n.views(ctx)
			if err != nil {
				continue
			}
			for _, v := range views {
				if v.owns(slot) != (v.id == c.ids[to]) {
					return fmt.Errorf("%s: has not heard of the new owner", n)
				}
			}
		}
		return nil
	}); err != nil {
		tb.Fatal(err)
	}
}

func (c *Cluster) setSlot(ctx context.Context, tb testing.TB, n *Server, slot int, state, id string) {
	tb.Helper()
	if _, err := n.Do(ctx, "CLUSTER", "SETSLOT", slot, state, id); err != nil {
		tb.Fatalf("redistest: %s: SETSLOT %d %s: %v", n, slot, state, err)
	}
}

func moveKeys(ctx context.Context, slot int, from, to *Server) error {
	for {
		reply, err := from.Do(ctx, "CLUSTER", "GETKEYSINSLOT", slot, migrateBatch)
		if err != nil {
			return fmt.Errorf("redistest: %s: %w", from, err)
		}
		keys, ok := reply.([]any)
		if !ok {
			return fmt.Errorf("redistest: %s: GETKEYSINSLOT answered %T", from, reply)
		}
		if len(keys) == 0 {
			return nil
		}
		args := append([]any{"MIGRATE", "127.0.0.1", to.port, "", 0, probeTimeout.Milliseconds(), "KEYS"}, keys...)
		if _, err := from.Do(ctx, args...); err != nil {
			return fmt.Errorf("redistest: %s: %w", from, err)
		}
	}
}
