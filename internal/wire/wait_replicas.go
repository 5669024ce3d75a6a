package wire

import (
	"context"
	"sync"

	"github.com/jollyjet/aside/internal/redisx"
)

// Deliver carries out calls that evict, like Run. If replicas are to confirm them and fewer do, the error is
// [ErrUnreplicated]; it is returned only if every call succeeded.
func (w *Wire) Deliver(ctx context.Context, calls ...*Call) error {
	if w.cfg.Replicas == 0 {
		return w.Run(ctx, calls...)
	}
	unconfirmed, moved := w.deliverToMasters(ctx, calls)
	if len(moved) > 0 { // a Cluster whose slots are moving; the client follows them
		_ = w.Run(ctx, moved...) // each call is looked at below
		unconfirmed += len(moved)
	}
	for _, c := range calls {
		if err := c.Err(); err != nil {
			return Unavailable(err)
		}
	}
	if unconfirmed > 0 {
		w.unreplicated.Add(int64(unconfirmed))
		return ErrUnreplicated
	}
	return nil
}

// deliverToMasters sends each master its calls. It returns how many too few replicas have confirmed, and the calls that have
// to go elsewhere.
func (w *Wire) deliverToMasters(ctx context.Context, calls []*Call) (unconfirmed int, moved []*Call) {
	var group sync.WaitGroup
	var mu sync.Mutex
	for node, batch := range w.byMaster(ctx, calls) {
		group.Go(func() {
			confirmed, strays := w.deliverTo(ctx, node, batch)
			mu.Lock()
			defer mu.Unlock()
			if moved = append(moved, strays...); !confirmed {
				unconfirmed += len(batch)
			}
		})
	}
	group.Wait()
	return unconfirmed, moved
}

// byMaster groups the calls by the master that has the key. Calls whose master is unknown are grouped under nil.
func (w *Wire) byMaster(ctx context.Context, calls []*Call) map[*redisx.Node][]*Call {
	groups := make(map[*redisx.Node][]*Call)
	for _, c := range calls {
		node, _ := w.client.NodeFor(ctx, c.Key) // Run, which gets these calls, says why it is unknown
		groups[node] = append(groups[node], c)
	}
	return groups
}

// deliverTo sends the calls to a master, and WAIT over the same connection. It reports whether enough replicas have them,
// and which calls have to go elsewhere.
func (w *Wire) deliverTo(ctx context.Context, node *redisx.Node, calls []*Call) (confirmed bool, moved []*Call) {
	if node == nil {
		return false, calls
	}
	n, err := node.RunThenWait(ctx, w.cfg.Replicas, w.cfg.Within, calls...)
	for _, c := range calls {
		if redisx.Says(c.Err(), "MOVED", "ASK", "TRYAGAIN") {
			moved = append(moved, c)
		}
	}
	return err == nil && n >= w.cfg.Replicas, moved
}
