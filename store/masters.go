package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// eachMaster calls f for every master, at the same time.
func (s *Store) eachMaster(ctx context.Context, f func(context.Context, *redis.Client) error) error {
	switch rdb := s.rdb.UniversalClient.(type) {
	case *redis.ClusterClient:
		return rdb.ForEachMaster(ctx, f)
	case *redis.Client:
		return f(ctx, rdb)
	}
	return nil
}

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
	err := s.eachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		began := time.Now()
		err := node.Ping(ctx).Err()
		if err != nil {
			err = unavailable(err)
		}
		mu.Lock()
		defer mu.Unlock()
		pings = append(pings, Ping{Node: node.Options().Addr, Took: time.Since(began), Err: err})
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
	node *redis.Client
	id   string // of this run of it: the order in which it gives out keys is its own
}

// masters returns all masters, in a fixed order.
func (s *Store) masters(ctx context.Context) ([]master, error) {
	var mu sync.Mutex
	var all []master
	err := s.eachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		id, err := runID(ctx, node)
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

// runID is what a server calls itself until it ends, or its address where it does not say.
func runID(ctx context.Context, node *redis.Client) (string, error) {
	return readRunID(node, node.InfoMap(ctx, "server"))
}

func readRunID(node *redis.Client, info *redis.InfoCmd) (string, error) {
	var refusal redis.Error // INFO is forbidden, or not known: go-redis returns other errors for other reasons
	switch id := info.Item("Server", "run_id"); {
	case info.Err() == nil && id != "":
		return id, nil
	case info.Err() == nil || errors.As(info.Err(), &refusal):
		return node.Options().Addr, nil
	default:
		return "", info.Err()
	}
}
