package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/redisx"
)

// Ping is how a master answered when it was asked whether it is there.
type Ping struct {
	Node string // its address; empty if the masters of a Cluster could not be found out
	Took time.Duration
	Err  error // nil if it answered; otherwise it wraps [ErrUnavailable]
}

// Ping asks every master whether it is there, past the circuit breakers. It takes no longer than [Timeout], or until
// ctx ends. It works while the store is open.
func (s *Store) Ping(ctx context.Context) []Ping {
	if s.Closed() {
		return []Ping{{Err: ErrClosed}}
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.timeout)
	defer cancel()
	var mu sync.Mutex
	var pings []Ping
	err := s.rdb.EachMaster(ctx, func(ctx context.Context, node *redisx.Node) error {
		took, err := node.Ping(ctx)
		if err != nil {
			err = unavailable(err)
		}
		mu.Lock()
		defer mu.Unlock()
		pings = append(pings, Ping{Node: node.Addr(), Took: took, Err: err})
		return nil
	})
	if err != nil {
		pings = append(pings, Ping{Err: unavailable(err)})
	}
	slices.SortFunc(pings, func(a, b Ping) int { return strings.Compare(a.Node, b.Node) })
	return pings
}

// master is a master that is walked, and who it is.
type master struct {
	node *redisx.Node
	id   string // of this run of it: the order in which it gives out keys is its own
}

// masters returns all masters, in a fixed order.
func (s *Store) masters(ctx context.Context) ([]master, error) {
	var mu sync.Mutex
	var all []master
	err := s.rdb.EachMaster(ctx, func(ctx context.Context, node *redisx.Node) error {
		id, err := node.RunID(ctx)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, master{node: node, id: id})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: INFO: %w", ErrUnavailable, err)
	}
	slices.SortFunc(all, func(a, b master) int { return strings.Compare(a.id, b.id) })
	return all, nil
}
