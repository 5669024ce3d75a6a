package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jollyjet/aside/bench/peers"
)

const (
	missTime     = time.Millisecond
	missesEach   = 4 // of each caller in a turn
	stampedeTime = 50 * time.Millisecond
	crowdNodes   = 4
	crowd        = 50 // callers on each of them
	batchKeys    = 100
	batchCached  = 90
)

var missLegend = fmt.Sprintf("miss: throughput of reads of keys that nobody has, each with a load of %v, GET, load and SET through go-redis being 1; "+
	"%d callers.", missTime, callers)

func miss(ctx context.Context, l *lab) (result, error) {
	cs, leave, err := l.enter(ctx, peers.Miss, 1, missTime)
	if err != nil {
		return result{}, err
	}
	defer leave()
	err = inTurn(cs, l.turns(3), func(c *contender, round int) error {
		ids := fresh("miss", round, callers*missesEach)
		c.loads.Store(0)
		took, err := share(ids, func(id string) error { return c.get(ctx, 0, id) })
		if err != nil {
			return err
		}
		if c.loads.Load() != int64(len(ids)) {
			return fmt.Errorf("%d loads for %d misses", c.loads.Load(), len(ids))
		}
		c.perOp = append(c.perOp, float64(took)/float64(len(ids)))
		return l.quiet(ctx)
	})
	if err != nil {
		return result{}, err
	}
	base := find(cs, peers.Plain)
	r, err := ratios(cs, base, nil)
	r.remarks = []string{fmt.Sprintf("     Here %s did %.0f misses a second.", base.Name, 1e9/base.fast())}
	return r, err
}

// fresh are ids that were not used in another round.
func fresh(kind string, round, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%d-%d", kind, round, i)
	}
	return ids
}

var stampedeLegend = fmt.Sprintf("stampede: loads of one key that nobody has, which %d nodes x %d callers want at once, the load taking %v; "+
	"and the median time until all have it.", crowdNodes, crowd, stampedeTime)

func stampede(ctx context.Context, l *lab) (result, error) {
	cs, leave, err := l.enter(ctx, peers.Stampede, crowdNodes, stampedeTime)
	if err != nil {
		return result{}, err
	}
	defer leave()
	loads := map[string][]float64{}
	err = inTurn(cs, l.turns(12), func(c *contender, round int) error {
		id := fresh("crowd", round, 1)[0]
		c.loads.Store(0)
		took, err := together(crowdNodes*crowd, func(caller int) error { return c.get(ctx, caller%crowdNodes, id) })
		if err != nil {
			return err
		}
		c.perOp = append(c.perOp, float64(took))
		if round > 0 {
			loads[c.Name] = append(loads[c.Name], float64(c.loads.Load()))
		}
		return l.quiet(ctx)
	})
	r := result{cells: map[string][]string{}}
	for _, c := range cs {
		r.cells[c.Name] = []string{mean(loads[c.Name]), fmt.Sprintf("%.0f ms", median(c.perOp)/1e6)}
	}
	return r, err
}

func mean(values []float64) string {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return strconv.FormatFloat(float64(int(sum/float64(len(values))*10+0.5))/10, 'f', -1, 64)
}

var batchLegend = fmt.Sprintf("batch: round trips to Redis and calls of the loader for one read of %d keys of which %d are in the cache, the storing included.",
	batchKeys, batchCached)

func batch(ctx context.Context, l *lab) (result, error) {
	cs, leave, err := l.enter(ctx, peers.Batch, 2, 0)
	if err != nil {
		return result{}, err
	}
	defer leave()
	trips, loads := map[string][]float64{}, map[string][]float64{}
	err = inTurn(cs, l.turns(12), func(c *contender, round int) error {
		ids := fresh("batch", round, batchKeys)
		filler, reader := c.nodes[0], c.nodes[1] // so that what is cached is in Redis, and not in the reader's process
		if c.Local {
			filler = reader
		}
		if _, err := filler.GetAll(ctx, slices.Clone(ids[:batchCached])); err != nil {
			return err
		}
		if err := l.quiet(ctx); err != nil {
			return err
		}
		c.loads.Store(0)
		c.asked.Store(0)
		c.trips.Store(0)
		found, err := reader.GetAll(ctx, slices.Clone(ids))
		if err != nil {
			return err
		}
		if err := l.quiet(ctx); err != nil { // some peers store in the background
			return err
		}
		for _, id := range ids {
			if found[id].ID != id {
				return fmt.Errorf("no %s in the answer", id)
			}
		}
		if n := c.asked.Load(); n != batchKeys-batchCached {
			return fmt.Errorf("the loader was asked for %d keys", n)
		}
		if round > 0 {
			trips[c.Name] = append(trips[c.Name], float64(c.trips.Load()))
			loads[c.Name] = append(loads[c.Name], float64(c.loads.Load()))
		}
		return nil
	})
	r := result{cells: map[string][]string{}}
	for _, c := range cs {
		// The median, since a connection that is made, or a probe, is a round trip, too.
		r.cells[c.Name] = []string{fmt.Sprintf("%.0f", median(trips[c.Name])), mean(loads[c.Name])}
	}
	return r, err
}
