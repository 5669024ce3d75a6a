package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/bench/peers"
)

const (
	callers = 64
	keys    = 1000
)

var names = func() []string {
	names := make([]string, keys)
	for i := range names {
		names[i] = fmt.Sprintf("product-%d", i)
	}
	return names
}()

// lab is what the rows work with.
type lab struct {
	addr   string
	rdb    *redis.Client // looks at the server
	rounds int
	opened int
}

// turns is a share of the rounds, and at least two.
func (l *lab) turns(share int) int { return max(2, l.rounds/share) }

// contender is a peer at work.
type contender struct {
	peers.Peer
	nodes []*peers.Node
	loads atomic.Int64 // calls of the loader
	asked atomic.Int64 // ids that the loader was asked for
	trips atomic.Int64 // round trips to Redis
	perOp []float64    // nanoseconds, by round; NaN for a turn that does not count
}

// enter sets up every peer that can do a row, with some nodes each, over a loader that takes its time.
func (l *lab) enter(ctx context.Context, row peers.Row, nodes int, slowness time.Duration) (cs []*contender, leave func(), err error) {
	leave = func() {
		for _, c := range cs {
			c.close()
		}
	}
	for _, p := range peers.All() {
		if p.Not[row] != "" {
			continue
		}
		c := &contender{Peer: p}
		cs = append(cs, c)
		err := l.open(ctx, c, nodes, peers.Setup{
			Load: func(_ context.Context, id string) (peers.Product, error) {
				c.loads.Add(1)
				c.asked.Add(1)
				time.Sleep(slowness)
				return peers.Record(id), nil
			},
			LoadAll: func(_ context.Context, ids []string) (map[string]peers.Product, error) {
				c.loads.Add(1)
				c.asked.Add(int64(len(ids)))
				time.Sleep(slowness)
				all := make(map[string]peers.Product, len(ids))
				for _, id := range ids {
					all[id] = peers.Record(id)
				}
				return all, nil
			},
		})
		if err != nil {
			leave()
			return nil, nil, err
		}
	}
	return cs, leave, nil
}

// open opens nodes under a prefix that nobody has used before.
func (l *lab) open(ctx context.Context, c *contender, nodes int, s peers.Setup) error {
	l.opened++
	s.Addr, s.Prefix, s.Hook = l.addr, fmt.Sprintf("p%d-", l.opened), counter{&c.trips}
	for range nodes {
		node, err := c.Open(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		c.nodes = append(c.nodes, node)
	}
	return nil
}

func (c *contender) close() {
	for _, n := range c.nodes {
		_ = n.Close() // nothing is read any more
	}
	c.nodes = nil
}

// inTurn gives each contender its turn in each round, a different one being first each time. The first round is for
// warming up and does not count.
func inTurn(cs []*contender, rounds int, turn func(c *contender, round int) error) error {
	for round := range rounds + 1 {
		for i := range cs {
			c := cs[(i+round)%len(cs)]
			if err := turn(c, round); err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			if round == 0 {
				c.perOp = nil
			}
		}
	}
	return nil
}

// get reads a product as a caller does, and looks at it.
func (c *contender) get(ctx context.Context, node int, id string) error {
	p, err := c.nodes[node].Get(ctx, id)
	if err == nil && p.ID != id {
		err = fmt.Errorf("asked for %s, got %q", id, p.ID)
	}
	return err
}

// share has all callers together do something with each of the ids.
func share(ids []string, do func(id string) error) (time.Duration, error) {
	var next atomic.Int64
	return together(callers, func(int) error {
		for {
			i := int(next.Add(1)) - 1
			if i >= len(ids) {
				return nil
			}
			if err := do(ids[i]); err != nil {
				return err
			}
		}
	})
}

// together runs n callers and returns when the last is done.
func together(n int, do func(caller int) error) (time.Duration, error) {
	var wg sync.WaitGroup
	errs := make([]error, n)
	gate := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-gate
			errs[i] = do(i)
		})
	}
	began := time.Now()
	close(gate)
	wg.Wait()
	return time.Since(began), errors.Join(errs...)
}

// speed is a contender's throughput as a multiple of the base's, both in their fast turns: what else the machine does only
// ever makes a turn slower, and in time the turns of all are spared as often.
func speed(base, c *contender) (float64, error) {
	for _, c := range []*contender{base, c} {
		if n := counting(c.perOp); n*2 <= len(c.perOp) {
			return 0, fmt.Errorf("only %d of the %d turns of %s count", n, len(c.perOp), c.Name)
		}
	}
	return base.fast() / c.fast(), nil
}

// fast is the time of an operation that only a tenth of the turns were faster than.
func (c *contender) fast() float64 { return quantile(c.perOp, 0.1) }

func counting(values []float64) (n int) {
	for _, v := range values {
		if !math.IsNaN(v) {
			n++
		}
	}
	return n
}

func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile is of the values that count.
func quantile(values []float64, q float64) float64 {
	values = slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return values[int(q*float64(len(values)))]
}

func find(cs []*contender, name string) *contender {
	return cs[slices.IndexFunc(cs, func(c *contender) bool { return c.Name == name })]
}

// figure prints a ratio with two or three digits that mean something.
func figure(v float64) string {
	if v >= 0.095 {
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.2g", v)
}

// counter counts round trips: a pipeline is one.
type counter struct{ n *atomic.Int64 }

func (c counter) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (c counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if !strings.EqualFold(cmd.Name(), "hello") {
			c.n.Add(1)
		}
		return next(ctx, cmd)
	}
}

func (c counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { c.n.Add(1); return next(ctx, cmds) }
}
