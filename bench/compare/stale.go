package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/bench/peers"
	"github.com/jollyjet/aside/bench/racelab"
)

const (
	raceNodes    = 2
	raceReaders  = 16
	raceKeys     = 8 // of each round
	raceWrites   = 5 // of each key
	raceSlowness = 3 * time.Millisecond
	raceParts    = 3 // of a contender's race, so that all race at about the same time
	settleTime   = 150 * time.Millisecond
)

var staleLegend = fmt.Sprintf("stale reads: reads that began after an eviction had returned and saw what was there before it; "+
	"%d nodes, %d readers, one node writes and then evicts, %d keys a round, %d writes a key, loads of up to %v. "+
	"Stale for good: keys that are still old on some node, and stay so, when all is over.", raceNodes, raceReaders, raceKeys, raceWrites, raceSlowness)

type raced struct{ reads, stale, errors, forGood, keys int64 }

func stale(ctx context.Context, l *lab) (result, error) {
	cs, leave, err := l.enter(ctx, peers.Stale, 0, 0)
	if err != nil {
		return result{}, err
	}
	defer leave()
	found := map[string]*raced{}
	parts := min(raceParts, l.rounds)
	for part := range parts {
		rounds := l.rounds*(part+1)/parts - l.rounds*part/parts
		for i := range cs {
			c := cs[(i+part)%len(cs)]
			if found[c.Name] == nil {
				found[c.Name] = &raced{}
			}
			if err := l.race(ctx, c, rounds, found[c.Name]); err != nil {
				return result{}, fmt.Errorf("%s: %w", c.Name, err)
			}
		}
	}
	r := result{cells: map[string][]string{}}
	for _, c := range cs {
		v := found[c.Name]
		r.cells[c.Name] = []string{percent(v.stale, v.reads), fmt.Sprintf("%d of %d", v.forGood, v.keys)}
		if v.errors > 0 {
			r.remarks = append(r.remarks, fmt.Sprintf("     %s: %d of %d reads and writes failed.", c.Name, v.errors, v.errors+v.reads))
		}
	}
	return r, nil
}

func percent(part, whole int64) string {
	if part == 0 {
		return "0"
	}
	if v := 100 * float64(part) / float64(whole); v < 1 {
		return fmt.Sprintf("%.1g %%", v)
	} else {
		return fmt.Sprintf("%.1f %%", v)
	}
}

// truth is the source: the version of each key. It outlives the race, since some peers load in the background.
type truth struct{ versions sync.Map }

func (t *truth) of(id string) *atomic.Int64 {
	v, _ := t.versions.LoadOrStore(id, new(atomic.Int64))
	return v.(*atomic.Int64)
}

// load reads the source first and returns a while later, as a loader whose answer is on its way.
func (t *truth) load(_ context.Context, id string) (peers.Product, error) {
	p := peers.Product{ID: id, Version: t.of(id).Load()}
	time.Sleep(rand.N(raceSlowness))
	return p, nil
}

// race is one part of a contender's race, on nodes and keys of its own.
func (l *lab) race(ctx context.Context, c *contender, rounds int, sum *raced) error {
	source := &truth{}
	defer c.close()
	err := l.open(ctx, c, raceNodes, peers.Setup{Load: source.load, LoadAll: func(ctx context.Context, ids []string) (map[string]peers.Product, error) {
		return nil, fmt.Errorf("nobody asks for %v", ids)
	}})
	if err != nil {
		return err
	}
	v := racelab.Run(ctx, racelab.Config{
		Nodes: func(s racelab.Source) (nodes []racelab.Node) {
			for _, n := range c.nodes {
				nodes = append(nodes, racelab.Node{
					Get: func(ctx context.Context, id string) (int64, error) {
						p, err := n.Get(ctx, id)
						return p.Version, err
					},
					Write: func(ctx context.Context, w racelab.Write) (int64, error) {
						source.of(w.Key).Store(w.Version)
						if _, err := s.Store(ctx, w); err != nil {
							return 0, err
						}
						return w.Version, n.Evict(ctx, w.Key)
					},
				})
			}
			return nodes
		},
		Writers: 1, Rounds: rounds, Keys: raceKeys, Writes: raceWrites, Readers: raceReaders, Slowness: raceSlowness,
	})
	sum.reads += v.Reads
	sum.stale += v.StaleReads
	sum.errors += v.Errors
	return c.settle(ctx, source, sum)
}

// settle counts the keys that are stale for good. They are read twice, with time in between, since a peer may answer
// with the old value once more while it loads the new one.
func (c *contender) settle(ctx context.Context, source *truth, sum *raced) error {
	for last := range 2 {
		time.Sleep(settleTime)
		var err error
		source.versions.Range(func(id, version any) bool {
			old := false
			for _, n := range c.nodes {
				var p peers.Product
				if p, err = n.Get(ctx, id.(string)); err != nil {
					return false
				}
				old = old || p.Version != version.(*atomic.Int64).Load()
			}
			if last == 1 {
				sum.keys++
				if old {
					sum.forGood++
				}
			}
			return true
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
