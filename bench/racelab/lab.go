package racelab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
)

// Source is what the nodes cache: a number for each key, the version of its last write.
type Source struct {
	Load  func(ctx context.Context, key string) (int64, error)
	Store func(ctx context.Context, w Write) (int64, error)
}

// Write is one write: key gets a version. It returns the version.
type Write struct {
	Key     string
	Version int64
}

// Node is one process that reads and writes through a cache.
type Node struct {
	Get   func(ctx context.Context, key string) (int64, error)
	Write func(ctx context.Context, w Write) (int64, error)
}

// Config is one race. Every round has its own keys; readers are spread over all nodes.
type Config struct {
	Nodes    func(Source) []Node // made once, before the first round
	Writers  int                 // how many of the nodes write, in turn
	Rounds   int
	Keys     int // per round
	Writes   int // per key
	Readers  int
	Slowness time.Duration // of the loader, after it has read; at most
	Check    bool          // check the histories with porcupine too
	Bound    time.Duration // how old a read of a node that does not write may be; 0 is the strict promise
}

// Verdict is what was seen.
type Verdict struct {
	Reads, Writes int64
	Loads         int64
	StaleReads    int64 // began after an eviction had returned and saw an older value
	StaleKeys     int64 // stale for good: still old when all was over
	Nonlinear     int64 // keys whose history no single register could have
	Errors        int64
	First         string // the first stale read in words
}

// OK reports whether nothing wrong was seen.
func (v Verdict) OK() bool { return v.StaleReads+v.StaleKeys+v.Nonlinear+v.Errors == 0 }

func (v Verdict) String() string {
	return fmt.Sprintf("%d reads, %d writes, %d loads: %d stale reads, %d keys stale for good, %d histories not linearizable, %d errors %s",
		v.Reads, v.Writes, v.Loads, v.StaleReads, v.StaleKeys, v.Nonlinear, v.Errors, v.First)
}

// cell is one key: the source, and what must at least be seen.
type cell struct {
	key     string
	source  atomic.Int64
	evicted atomic.Int64   // the newest version whose eviction has returned
	returns []atomic.Int64 // when the eviction of each version returned
	mu      sync.Mutex
	history []porcupine.Operation
}

type race struct {
	cfg   Config
	nodes []Node
	cells sync.Map // key to *cell

	reads, writes, loads, staleReads, staleKeys, nonlinear, errors atomic.Int64
	first                                                          atomic.Pointer[string]
	start                                                          time.Time
}

// errOver is the error of a load that nobody waits for: a refresh that begins when its round is over.
var errOver = errors.New("the round is over")

// Run runs the race.
func Run(ctx context.Context, cfg Config) Verdict {
	r := &race{cfg: cfg, start: time.Now()}
	r.nodes = cfg.Nodes(Source{Load: r.load, Store: r.store})
	for round := range cfg.Rounds {
		if ctx.Err() != nil {
			r.errors.Add(1)
			break
		}
		r.round(ctx, round)
	}
	v := Verdict{
		Reads: r.reads.Load(), Writes: r.writes.Load(), Loads: r.loads.Load(), StaleReads: r.staleReads.Load(),
		StaleKeys: r.staleKeys.Load(), Nonlinear: r.nonlinear.Load(), Errors: r.errors.Load(),
	}
	if p := r.first.Load(); p != nil {
		v.First = *p
	}
	return v
}

// load reads the source first and returns a while later, as a loader whose answer is on its way.
func (r *race) load(_ context.Context, key string) (int64, error) {
	c, ok := r.cells.Load(key)
	if !ok {
		return 0, errOver
	}
	v := c.(*cell).source.Load()
	r.loads.Add(1)
	if r.cfg.Slowness > 0 {
		time.Sleep(rand.N(r.cfg.Slowness))
	}
	return v, nil
}

func (r *race) store(_ context.Context, w Write) (int64, error) {
	r.cell(w.Key).source.Store(w.Version)
	return w.Version, nil
}

func (r *race) cell(key string) *cell {
	c, _ := r.cells.Load(key)
	return c.(*cell)
}

// round races on fresh keys: a writer for each key, and readers until the last writer is done.
func (r *race) round(ctx context.Context, round int) {
	cells := make([]*cell, r.cfg.Keys)
	for i := range cells {
		cells[i] = &cell{key: fmt.Sprintf("%d-%d", round, i), returns: make([]atomic.Int64, r.cfg.Writes+1)}
		r.cells.Store(cells[i].key, cells[i])
		defer r.cells.Delete(cells[i].key)
	}
	var writers, readers sync.WaitGroup
	var over atomic.Bool
	for i := range r.cfg.Readers {
		readers.Go(func() {
			for !over.Load() {
				r.read(ctx, i, cells[rand.N(len(cells))])
			}
		})
	}
	for i, c := range cells {
		writers.Go(func() {
			for version := range int64(r.cfg.Writes) {
				time.Sleep(rand.N(time.Millisecond + r.cfg.Slowness)) // the pace of the race, not a wait
				r.put(ctx, (round+i+int(version))%r.cfg.Writers, c, version+1)
			}
		})
	}
	writers.Wait()
	over.Store(true)
	readers.Wait()
	for _, c := range cells {
		r.settle(ctx, c)
	}
}

func (r *race) put(ctx context.Context, at int, c *cell, version int64) {
	began := r.now()
	if _, err := r.nodes[at].Write(ctx, Write{Key: c.key, Version: version}); err != nil {
		r.errors.Add(1)
	}
	c.returns[version].Store(r.now())
	c.evicted.Store(version)
	r.writes.Add(1)
	c.note(porcupine.Operation{ClientId: r.cfg.Readers, Input: version, Output: version, Call: began, Return: r.now()})
}

func (r *race) read(ctx context.Context, reader int, c *cell) {
	began, node := r.now(), reader%len(r.nodes)
	least := r.least(c, node, began)
	seen, err := r.nodes[node].Get(ctx, c.key)
	if err != nil {
		r.errors.Add(1)
		return
	}
	r.reads.Add(1)
	if seen < least {
		r.staleReads.Add(1)
		text := fmt.Sprintf("(reader %d on node %d: key %s at version %d after %d was evicted)", reader, node, c.key, seen, least)
		r.first.CompareAndSwap(nil, &text)
	}
	c.note(porcupine.Operation{ClientId: reader, Input: int64(-1), Output: seen, Call: began, Return: r.now()})
}

// least is the oldest version that a read of the node may see.
func (r *race) least(c *cell, node int, now int64) int64 {
	least := c.evicted.Load()
	if node < r.cfg.Writers {
		return least
	}
	for least > 0 && now-c.returns[least].Load() < int64(r.cfg.Bound) {
		least--
	}
	return least
}

// settle looks at a key when all is over, on every node, and judges its history.
func (r *race) settle(ctx context.Context, c *cell) {
	for _, n := range r.nodes {
		deadline := time.Now().Add(r.cfg.Bound)
		v, err := n.Get(ctx, c.key)
		for ; err == nil && v != c.source.Load() && time.Now().Before(deadline); v, err = n.Get(ctx, c.key) {
			time.Sleep(time.Millisecond)
		}
		if err != nil {
			r.errors.Add(1)
		} else if v != c.source.Load() {
			r.staleKeys.Add(1)
		}
	}
	if r.cfg.Check && !porcupine.CheckOperations(register, c.history) {
		r.nonlinear.Add(1)
	}
}

func (r *race) now() int64 { return int64(time.Since(r.start)) }

func (c *cell) note(op porcupine.Operation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history = append(c.history, op)
}

// register is a key as its users may imagine it: a single cell that writes set and reads see.
var register = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		if version := input.(int64); version >= 0 {
			return true, version
		}
		return output == state, state
	},
}
