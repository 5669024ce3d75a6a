package store

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/wire"
)

// Ping is how a master answered when it was asked whether it is there.
type Ping struct {
	Node string // its address; empty if the masters of a Cluster could not be found
	Took time.Duration
	Err  error // nil if it answered; otherwise it wraps [ErrUnavailable]
}

// Ping asks every master whether it is there, past the circuit breakers. It takes no longer than [Timeout], or until
// ctx ends. It works while the store is open.
func (s *Store) Ping(ctx context.Context) []Ping {
	if s.Closed() {
		return []Ping{{Err: ErrClosed}}
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.conn.Timeout)
	defer cancel()
	var mu sync.Mutex
	var pings []Ping
	err := s.client.EachMaster(ctx, func(ctx context.Context, node *redisx.Node) error {
		took, err := node.Ping(ctx)
		if err != nil {
			err = wire.Unavailable(err)
		}
		mu.Lock()
		defer mu.Unlock()
		pings = append(pings, Ping{Node: node.Addr(), Took: took, Err: err})
		return nil
	})
	if err != nil {
		pings = append(pings, Ping{Err: wire.Unavailable(err)})
	}
	slices.SortFunc(pings, func(a, b Ping) int { return strings.Compare(a.Node, b.Node) })
	return pings
}
