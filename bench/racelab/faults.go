package racelab

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Faults is a race that goes on while Redis fails and recovers, again and again.
type Faults struct {
	Nodes    func(Source) []Node
	Cycles   int
	Keys     int
	Readers  int
	Slowness time.Duration // of the loader, after it has read; at most

	Prepare func(cycle int)              // what is to be done while all is well
	Well    time.Duration                // for how long it is after that
	Fail    func(cycle int)              // returns when Redis has failed
	Away    time.Duration                // for how long it is away
	Mend    func(cycle int)              // returns when Redis answers again
	Settled func() bool                  // nobody has an eviction left to carry out; from any goroutine
	Fed     func(key string) bool        // other nodes may be as late as the feed with what is evicted of the key
	Report  func(cycle int, c Recovered) // after each cycle
}

// Recovered is how a cycle went.
type Recovered struct {
	Settled time.Duration // from when Redis answered until nobody had an eviction left
	Last    time.Duration // from when Redis answered until the last read began that another node's eviction had forbidden
}

// Endured is what was seen in all cycles.
type Endured struct {
	Reads, Writes, Errors int64
	Own                   int64 // stale reads on the node that had evicted, at any time: never right
	Calm                  int64 // stale reads of any node while nobody had an eviction left: never right
	Stale                 int64 // keys that a node had wrong when nobody had an eviction left
	Window                int64 // stale reads of other nodes before that, or before the feed has told them
	Slowest               Recovered
	First                 string // the first wrong read in words
}

// OK reports whether nothing wrong was seen.
func (e Endured) OK() bool { return e.Own+e.Calm+e.Stale+e.Errors == 0 }

func (e Endured) String() string {
	return fmt.Sprintf("%d reads, %d writes: %d stale on the node that evicted, %d with no eviction left, %d keys stale then, %d errors; "+
		"%d stale on other nodes before that or before they are told, the last %v after Redis was back; no eviction left after %v at most %s",
		e.Reads, e.Writes, e.Own, e.Calm, e.Stale, e.Errors, e.Window, e.Slowest.Last.Round(time.Millisecond),
		e.Slowest.Settled.Round(time.Millisecond), e.First)
}

// spot is a key: the source, and which versions must be seen.
type spot struct {
	key     string
	quiet   bool // not written while Redis is away, so that no later eviction hides one that was lost
	fed     bool
	source  atomic.Int64
	evicted atomic.Int64   // the newest version whose eviction has returned
	at      atomic.Int64   // when it did
	own     []atomic.Int64 // ... on each node
}

type endurance struct {
	Faults
	nodes []Node
	spots []*spot
	names map[string]*spot

	phase   atomic.Int64 // odd while nobody has an eviction left
	back    atomic.Int64 // when Redis answered again; 0 while it does not
	last    atomic.Int64 // when the last stale read of another node began since
	pause   atomic.Bool  // the quiet keys are not written
	over    atomic.Bool
	writing sync.RWMutex // held for reading by writes of quiet keys

	reads, writes, errors, own, calm, stale, window atomic.Int64
	first                                           atomic.Pointer[string]
	start                                           time.Time
}

// Endure runs the race.
func Endure(ctx context.Context, f Faults) Endured {
	r := &endurance{Faults: f, names: make(map[string]*spot), start: time.Now()}
	for i := range f.Keys {
		s := &spot{key: fmt.Sprintf("spot-%d", i), quiet: i/len(Modes)%2 == 0}
		s.fed = r.Fed(s.key)
		r.spots, r.names[s.key] = append(r.spots, s), s
	}
	r.nodes = f.Nodes(Source{Load: r.load, Store: r.store})
	var all sync.WaitGroup
	for i, s := range r.spots {
		s.own = make([]atomic.Int64, len(r.nodes))
		all.Go(func() { r.write(ctx, s, i) })
	}
	for i := range f.Readers {
		all.Go(func() {
			for node := i % len(r.nodes); !r.over.Load(); {
				r.read(ctx, node, r.spots[rand.N(len(r.spots))])
			}
		})
	}
	var slowest Recovered
	for cycle := range f.Cycles {
		c := r.cycle(ctx, cycle)
		slowest.Settled, slowest.Last = max(slowest.Settled, c.Settled), max(slowest.Last, c.Last)
	}
	r.over.Store(true)
	all.Wait()
	e := Endured{
		Reads: r.reads.Load(), Writes: r.writes.Load(), Errors: r.errors.Load(), Own: r.own.Load(), Calm: r.calm.Load(),
		Stale: r.stale.Load(), Window: r.window.Load(), Slowest: slowest,
	}
	if p := r.first.Load(); p != nil {
		e.First = *p
	}
	return e
}

// cycle lets Redis fail once, and checks every key on every node when it has recovered.
func (r *endurance) cycle(ctx context.Context, cycle int) Recovered {
	r.Prepare(cycle)
	time.Sleep(r.Well) // the pace of the race, not a wait
	r.back.Store(0)
	if r.phase.Load()%2 == 1 {
		r.phase.Add(1)
	}
	r.Fail(cycle)
	r.writing.Lock()
	r.pause.Store(true) // the writes of quiet keys have ended
	r.writing.Unlock()
	time.Sleep(r.Away)
	r.Mend(cycle)
	back := r.now()
	r.last.Store(back)
	r.back.Store(back)
	for !r.Settled() && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	c := Recovered{Settled: time.Duration(r.now() - back)}
	r.phase.Add(1)
	for _, s := range r.spots {
		for node := range r.nodes {
			seen := r.read(ctx, node, s)
			for s.fed && seen == late { // it is wrong when it is too late
				seen = r.read(ctx, node, s)
			}
			if seen == wrong {
				r.stale.Add(1)
			}
		}
	}
	r.pause.Store(false)
	c.Last = time.Duration(r.last.Load() - back)
	r.Report(cycle, c)
	return c
}

func (r *endurance) load(_ context.Context, key string) (int64, error) {
	v := r.names[key].source.Load()
	if r.Slowness > 0 {
		time.Sleep(rand.N(r.Slowness))
	}
	return v, nil
}

func (r *endurance) store(_ context.Context, w Write) (int64, error) {
	r.names[w.Key].source.Store(w.Version)
	return w.Version, nil
}

// write writes one key, on each node in turn.
func (r *endurance) write(ctx context.Context, s *spot, first int) {
	for version := int64(1); !r.over.Load(); {
		time.Sleep(rand.N(20 * time.Millisecond)) // the pace of the race
		if s.quiet {
			r.writing.RLock()
			if r.pause.Load() {
				r.writing.RUnlock()
				continue
			}
		}
		node := (first + int(version)) % len(r.nodes)
		if _, err := r.nodes[node].Write(ctx, Write{Key: s.key, Version: version}); err != nil {
			r.errors.Add(1)
		}
		s.own[node].Store(version)
		s.at.Store(r.now())
		s.evicted.Store(version)
		if s.quiet {
			r.writing.RUnlock()
		}
		r.writes.Add(1)
		version++
	}
}

// sight is what a read saw.
type sight int

const (
	right sight = iota
	late        // what may be seen for a while
	wrong
)

// feedBound is how late the feed may be at most, on a machine that is busy with other things. While it is down a version
// is believed for a second.
const feedBound = 5 * time.Second

// read reads a key on a node.
func (r *endurance) read(ctx context.Context, node int, s *spot) sight {
	phase, began := r.phase.Load(), r.now()
	own, all, at := s.own[node].Load(), s.evicted.Load(), s.at.Load()
	calm := phase%2 == 1 && r.Settled() && (!s.fed || began-at > int64(feedBound)) // what has returned before that is carried out
	seen, err := r.nodes[node].Get(ctx, s.key)
	if err != nil {
		r.errors.Add(1)
		return wrong
	}
	r.reads.Add(1)
	switch {
	case seen < own:
		r.wrong(&r.own, "node %d read %s at version %d after it had evicted %d", node, s.key, seen, own)
		return wrong
	case seen < all && calm && phase == r.phase.Load():
		r.wrong(&r.calm, "node %d read %s at version %d after %d was evicted, and nothing was left to be", node, s.key, seen, all)
		return wrong
	case seen < all:
		r.window.Add(1)
		if back := r.back.Load(); back != 0 && began > back && phase%2 == 0 {
			r.last.Store(max(r.last.Load(), began))
		}
		return late
	default:
		return right
	}
}

func (r *endurance) wrong(count *atomic.Int64, format string, args ...any) {
	count.Add(1)
	text := fmt.Sprintf(format, args...)
	r.first.CompareAndSwap(nil, &text)
}

func (r *endurance) now() int64 { return int64(time.Since(r.start)) }
