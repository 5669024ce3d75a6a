package scan

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/wire"
)

// Step is one step of a walk.
type Step struct {
	Keys     []keyspace.Key // found in it; a key may be found more than once in a walk
	Position Position       // to go on from after it
	Masters  int            // to be walked
	Done     int            // of these, walked
}

// Scanner walks the caches of a namespace. It is safe for concurrent use.
type Scanner struct {
	namespace string
	wire      *wire.Wire
}

// New returns a scanner for a namespace.
func New(namespace string, w *wire.Wire) *Scanner { return &Scanner{namespace: namespace, wire: w} }

// Walk goes through the entries of a cache, whatever their state; a step looks at about count keys of whatever kind, and
// may find none. It begins where an earlier walk was left, with those masters from their beginning that were not there
// then: after a restart or a failover a server gives out its keys in another order.
//
// An error ends the walk: it wraps [wire.ErrUnavailable], or is that of ctx. The position before it is still good.
func (s *Scanner) Walk(ctx context.Context, keys keyspace.Cache, from Position, count int64) iter.Seq2[Step, error] {
	title := s.namespace + " " + keys.Name() // in positions
	return func(yield func(Step, error) bool) {
		at := from
		if at.cache != "" && at.cache != title {
			yield(Step{}, fmt.Errorf("%w: it is one of %q, not of %q", errPosition, at.cache, title))
			return
		}
		masters, err := s.masters(ctx)
		if err != nil {
			yield(Step{}, orEnded(ctx, err))
			return
		}
		done := len(masters) - len(slices.DeleteFunc(slices.Clone(masters), func(m master) bool { return at.steps[m.id].done }))
		for _, m := range masters {
			for !at.steps[m.id].done {
				found, next, err := s.scan(ctx, m, keys, at.steps[m.id].cursor, count)
				if err != nil {
					yield(Step{}, orEnded(ctx, err))
					return
				}
				at = at.with(title, m.id, step{cursor: next, done: next == 0})
				if next == 0 {
					done++
				}
				if !yield(Step{Keys: found, Position: at, Masters: len(masters), Done: done}, nil) {
					return
				}
			}
		}
	}
}

func orEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// master is a master that is walked, and its identity.
type master struct {
	node *redisx.Node
	id   string // of this run of it: the order in which it gives out keys is its own
}

// masters returns all masters, in a fixed order.
func (s *Scanner) masters(ctx context.Context) ([]master, error) {
	var mu sync.Mutex
	var all []master
	err := s.wire.Client().EachMaster(ctx, func(ctx context.Context, node *redisx.Node) error {
		id, err := node.RunID(ctx)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, master{node: node, id: id})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: INFO: %w", wire.ErrUnavailable, err)
	}
	slices.SortFunc(all, func(a, b master) int { return strings.Compare(a.id, b.id) })
	return all, nil
}

// scan takes one step on a master.
func (s *Scanner) scan(ctx context.Context, m master, keys keyspace.Cache, cursor uint64, count int64) ([]keyspace.Key, uint64, error) {
	page, err := m.node.Scan(ctx, cursor, keys.Pattern(), count, m.id)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: SCAN: %w", wire.ErrUnavailable, err)
	}
	found, err := s.keysAt(ctx, keys, page.Keys)
	return found, page.Next, err
}

// keysAt returns the keys of the entries at the addresses. For hashed keys the full key is read from the entry; keys
// without one are skipped.
func (s *Scanner) keysAt(ctx context.Context, keys keyspace.Cache, addrs []string) ([]keyspace.Key, error) {
	found := make([]keyspace.Key, 0, len(addrs))
	var hashed []*wire.Call
	for _, addr := range addrs {
		if keys.Hashed(addr) {
			hashed = append(hashed, redisx.Get(addr))
		} else {
			found = append(found, keyspace.At(addr))
		}
	}
	if len(hashed) == 0 {
		return found, nil
	}
	if err := s.wire.Run(ctx, hashed...); err != nil {
		return nil, err
	}
	for _, c := range hashed {
		raw, _ := c.Reply.Text() // the entry may be gone
		e, err := envelope.Parse([]byte(raw))
		if err != nil {
			continue
		}
		if key, ok := keys.Unhash(c.Key, string(e.Key)); ok {
			found = append(found, key)
		}
	}
	return found, nil
}
