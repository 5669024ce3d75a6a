package store

import (
	"context"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// deliver carries out calls that evict, like run. If replicas are to confirm them and fewer do, the error is
// [ErrUnreplicated]; it is so only if all calls are carried out.
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
		_ = s.run(ctx, stray...)
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

// byMaster groups the calls by the client of the master that has the key; those of which that can't be told are of nil.
func (s *Store) byMaster(ctx context.Context, calls []*call) map[*redis.Client][]*call {
	groups := make(map[*redis.Client][]*call)
	if node, ok := s.rdb.Node(); ok {
		groups[node] = calls
		return groups
	}
	cluster, _ := s.rdb.Cluster()
	for _, c := range calls {
		node, _ := cluster.MasterForKey(ctx, c.Key)
		groups[node] = append(groups[node], c)
	}
	return groups
}

// deliverTo sends the calls to a master, and WAIT over the same connection, since that speaks of what was written over it.
// It reports whether enough replicas have them, and which calls have to go elsewhere.
func (s *Store) deliverTo(ctx context.Context, node *redis.Client, calls []*call) (acked bool, moved []*call) {
	if node == nil {
		return false, calls
	}
	breaker := s.breakers.of(node)
	if !breaker.allow() {
		return false, nil
	}
	cn := node.WithTimeout(s.cfg.timeout + s.cfg.ackWithin).Conn()
	defer func() { _ = cn.Close() }()
	err := redisx.RunOn(ctx, cn, calls...)
	breaker.record(ctx, err)
	for _, c := range calls {
		if redirected(c.Err()) {
			moved = append(moved, c)
		}
	}
	if len(moved) == len(calls) {
		return false, moved
	}
	n, err := cn.Do(ctx, "wait", s.cfg.acks, s.cfg.ackWithin.Milliseconds()).Int()
	return err == nil && n >= s.cfg.acks, moved
}

func redirected(err error) bool {
	return err != nil && (says(err, "MOVED", "ASK") || strings.HasPrefix(err.Error(), "TRYAGAIN"))
}
