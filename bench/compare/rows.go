package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/jollyjet/aside/bench/peers"
)

// rows are all rows, in the order of the table.
var rows = []row{
	{peers.Hit, []string{"hit", "allocs"}, hitLegend, hit},
	{peers.Near, []string{"near hit", "allocs"}, nearLegend, nearHit},
	{peers.Miss, []string{"miss"}, missLegend, miss},
	{peers.Stampede, []string{"stampede: loads", "wall"}, stampedeLegend, stampede},
	{peers.Batch, []string{"batch: round trips", "loads"}, batchLegend, batch},
	{peers.Stale, []string{"stale reads", "stale for good"}, staleLegend, stale},
}

// fill puts all names in the cache, and returns when they are found there: some peers store in the background.
func (c *contender) fill(ctx context.Context) error {
	for range 100 {
		c.loads.Store(0)
		if _, err := share(names, func(id string) error { return c.get(ctx, 0, id) }); err != nil {
			return err
		}
		if c.loads.Load() == 0 {
			return nil
		}
		if err := c.forget(ctx, names); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("%s does not keep what it has loaded", c.Name)
}

// forget makes the next read of each id ask Redis, where a node keeps anything in the process. The callers share it, as it
// may write.
func (c *contender) forget(ctx context.Context, ids []string) error {
	if c.nodes[0].Forget == nil {
		return nil
	}
	_, err := together(callers, func(caller int) error {
		from, to := caller*len(ids)/callers, (caller+1)*len(ids)/callers
		return c.nodes[0].Forget(ctx, ids[from:to])
	})
	return err
}

// allocs is how many allocations a read makes: the least of a few tries, since what else the process does adds to it.
func (c *contender) allocs(ctx context.Context, before func() error) (float64, error) {
	least := math.Inf(1)
	for range 5 {
		if err := before(); err != nil {
			return 0, err
		}
		var was, is runtime.MemStats
		runtime.ReadMemStats(&was)
		for _, id := range names {
			if err := c.get(ctx, 0, id); err != nil {
				return 0, err
			}
		}
		runtime.ReadMemStats(&is)
		least = min(least, float64(is.Mallocs-was.Mallocs)/float64(len(names)))
	}
	return least, nil
}

// readsIn is how many reads one caller does in a while, by the fastest of a few tries.
func (c *contender) readsIn(ctx context.Context, while time.Duration) (int, error) {
	least := while
	for range 10 {
		began := time.Now()
		for _, id := range names {
			if err := c.get(ctx, 0, id); err != nil {
				return 0, err
			}
		}
		least = min(least, max(1, time.Since(began)/keys))
	}
	return int(while / least), nil
}

// ratios makes the cells of a row of throughputs, with the allocations if there are any.
func ratios(cs []*contender, base *contender, allocs map[string]float64) (result, error) {
	r := result{cells: map[string][]string{}}
	for _, c := range cs {
		v, err := speed(base, c)
		if err != nil {
			return r, err
		}
		r.cells[c.Name] = []string{figure(v)}
		if allocs != nil {
			r.cells[c.Name] = append(r.cells[c.Name], fmt.Sprintf("%.0f", allocs[c.Name]))
		}
	}
	return r, nil
}

var hitLegend = fmt.Sprintf("hit: throughput of reads that Redis answers, GET and json.Unmarshal through go-redis being 1; "+
	"%d callers, %d keys, 1 kB of JSON; and allocations per read.", callers, keys)

func hit(ctx context.Context, l *lab) (result, error) {
	cs, leave, err := l.enter(ctx, peers.Hit, 1, 0)
	if err != nil {
		return result{}, err
	}
	defer leave()
	for _, c := range cs {
		if err := c.fill(ctx); err != nil {
			return result{}, err
		}
	}
	err = inTurn(cs, l.turns(2), func(c *contender, _ int) error {
		if err := c.forget(ctx, names); err != nil {
			return err
		}
		c.loads.Store(0)
		before, err := l.lookups(ctx)
		if err != nil {
			return err
		}
		took, err := share(names, func(id string) error { return c.get(ctx, 0, id) })
		if err != nil {
			return err
		}
		if c.loads.Load() > 0 {
			return fmt.Errorf("%d of the hits were misses", c.loads.Load())
		}
		after, err := l.lookups(ctx)
		perOp := float64(took) / keys
		if after-before < keys*95/100 { // answered by the process: not what is compared here
			perOp = math.NaN()
		}
		c.perOp = append(c.perOp, perOp)
		return err
	})
	if err != nil {
		return result{}, err
	}
	allocs := map[string]float64{}
	for _, c := range cs {
		if allocs[c.Name], err = c.allocs(ctx, func() error { return c.forget(ctx, names) }); err != nil {
			return result{}, err
		}
	}
	base := find(cs, peers.Plain)
	r, err := ratios(cs, base, allocs)
	r.remarks = []string{fmt.Sprintf("     Here %s did %.0f hits a second.", base.Name, 1e9/base.fast())}
	return r, err
}

var nearLegend = fmt.Sprintf("near hit: throughput of reads that the process answers, otter's GetIfPresent being 1; %d callers, %d keys; "+
	"and allocations per read.", callers, keys)

func nearHit(ctx context.Context, l *lab) (result, error) {
	cs, leave, err := l.enter(ctx, peers.Near, 1, 0)
	if err != nil {
		return result{}, err
	}
	defer leave()
	each := map[*contender]int{} // reads of each caller in a turn of about 4 ms of one processor
	allocs := map[string]float64{}
	for _, c := range cs {
		if err := c.fill(ctx); err != nil {
			return result{}, err
		}
		if allocs[c.Name], err = c.allocs(ctx, func() error { return nil }); err != nil {
			return result{}, err
		}
		if each[c], err = c.readsIn(ctx, 4*time.Millisecond/callers); err != nil {
			return result{}, err
		}
	}
	err = inTurn(cs, 5*l.turns(1), func(c *contender, _ int) error {
		before, err := l.lookups(ctx)
		if err != nil {
			return err
		}
		took, err := together(callers, func(caller int) error {
			for i := range each[c] {
				if err := c.get(ctx, 0, names[(caller*17+i)%keys]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		after, err := l.lookups(ctx)
		n := callers * each[c]
		perOp := float64(took) / float64(n)
		if after-before > max(5, int64(n)/100) {
			perOp = math.NaN()
		}
		c.perOp = append(c.perOp, perOp)
		return err
	})
	if err != nil {
		return result{}, err
	}
	base := find(cs, peers.Otter)
	r, err := ratios(cs, base, allocs)
	if err != nil {
		return r, err
	}
	ours := find(cs, "aside, Near")
	slower, err := speed(ours, base)
	if err != nil {
		return r, err
	}
	faster, err := speed(find(cs, "go-redis/cache, TinyLFU"), ours)
	r.remarks = []string{fmt.Sprintf("     Here otter took %.0f ns and aside %.0f ns of two processors; aside took %.1f times as long as otter, "+
		"and had %.0f times the throughput of go-redis/cache with TinyLFU.", base.fast(), ours.fast(), slower, faster)}
	return r, err
}
