package store

import (
	"context"
	"sync"

	"github.com/jollyjet/aside/internal/redisx"
)

// deliver carries out calls that evict, like run. If replicas are to confirm them and fewer do, the error is
// [ErrUnreplicated]; it is returned only if all calls are carried out.
func (s *Store) deliver(ctx context.Context, calls ...*call) error {
	if s.cfg.acks == 0 {
		return s.run(ctx, calls...)
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	var short, stray []*call
	for node, batch := range s.byMaster(ctx, calls) {
		group.Go(func() {
			acked, moved := s.deliverTo(ctx, node, batch)
			mu.Lock()
			defer mu.Unlock()
			if stray = append(stray, moved...); !acked {
				short = append(short, batch...)
			}
		})
	}
	group.Wait()
	if len(stray) > 0 { // a Cluster whose slots are on the move; the client knows where to
		_ = s.run(ctx, stray...) // each call is looked at below
		short = append(short, stray...)
	}
	for _, c := range calls {
		if err := c.Err(); err != nil {
			return unavailable(err)
		}
	}
	if len(short) > 0 {
		s.stats.unreplicated.Add(int64(len(short)))
		return ErrUnreplicated
	}
	return nil
}

// byMaster groups the calls by the master that has the key. Those whose master is not known are under nil.
func (s *Store) byMaster(ctx context.Context, calls []*call) map[*redisx.Node][]*call {
	groups := make(map[*redisx.Node][]*call)
	for _, c := range calls {
		node, _ := s.rdb.NodeFor(ctx, c.Key) // run, which these are left to, says why it is not known
		groups[node] = append(groups[node], c)
	}
	return groups
}

// deliverTo sends the calls to a master, and WAIT over the same connection. It reports whether enough replicas have them,
// and which calls have to go elsewhere.
func (s *Store) deliverTo(ctx context.Context, node *redisx.Node, calls []*call) (acked bool, moved []*call) {
	if node == nil {
		return false, calls
	}
	n, err := node.RunThenWait(ctx, s.cfg.acks, s.cfg.ackWithin, calls...)
	for _, c := range calls {
		if redisx.Says(c.Err(), "MOVED", "ASK", "TRYAGAIN") {
			moved = append(moved, c)
		}
	}
	return err == nil && n >= s.cfg.acks, moved
}
