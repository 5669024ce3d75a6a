package store

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/redisx"
)

// feed tells what has changed in the namespace, whoever changed it: Redis sends the keys over one connection per
// master (CLIENT TRACKING with BCAST). It is up only while every master has a connection that is known to work.
type feed struct {
	st    *Store
	state atomic.Uint64 // epoch and, in the lowest bit, whether it is up

	mu    sync.Mutex
	conns map[string]*feedConn // by the master's address
	waits map[string][]chan struct{}
	drops atomic.Int64 // how often a connection that worked broke

	first     chan struct{} // closed when the first try of every connection has come to an end
	firstOnce sync.Once
}

func newFeed(st *Store) *feed {
	return &feed{
		st:    st,
		conns: make(map[string]*feedConn),
		waits: make(map[string][]chan struct{}),
		first: make(chan struct{}),
	}
}

// status returns the epoch of the feed and whether it is up. What was read in an epoch, while the feed was up, has
// not changed unnoticed as long as the epoch lasts.
func (f *feed) status() (epoch uint64, up bool) {
	s := f.state.Load()
	return s >> 1, s&1 == 1
}

// shift begins a new epoch. It is called with mu held.
func (f *feed) shift() {
	up := uint64(1)
	if len(f.conns) == 0 {
		up = 0
	}
	for _, c := range f.conns {
		if !c.up {
			up = 0
		}
	}
	f.state.Store((f.state.Load()>>1+1)<<1 | up)
}

// covers reports whether changes of the key are being told.
func (f *feed) covers(key string) bool {
	if _, ok := f.st.rdb.Single(); ok {
		return true
	}
	master, err := f.st.rdb.NodeFor(context.Background(), key)
	if err != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.conns[master.Addr()]
	return c != nil && c.up
}

// run keeps a connection to every master until the store closes.
func (f *feed) run() {
	ctx := f.st.life.background
	for {
		if masters, err := f.masters(ctx); err == nil {
			f.follow(ctx, masters)
		} else {
			f.firstOnce.Do(func() { close(f.first) })
		}
		if !pause.For(ctx, f.st.cfg.lookAround/2+rand.N(f.st.cfg.lookAround)) {
			return
		}
	}
}

// masters returns the masters of now, by address, and asks each how it is.
func (f *feed) masters(ctx context.Context) (map[string]*redisx.Node, error) {
	start := time.Now()
	all, err := f.st.rdb.Masters(ctx)
	if err != nil {
		return nil, err
	}
	masters := make(map[string]*redisx.Node)
	for _, node := range all {
		masters[node.Addr()] = node
	}
	unwell := errors.Join(redisx.Each(all, func(node *redisx.Node) error { return f.st.visit(ctx, node) })...)
	f.st.rdb.DoubtOthers(all)
	f.st.breakers.keep(masters)
	if unwell == nil {
		f.st.lineage.reviewed(start)
		f.st.evictions.reviewed(start)
	}
	return masters, nil
}

// follow starts connections to masters that are new and ends those to masters that are gone.
func (f *feed) follow(ctx context.Context, masters map[string]*redisx.Node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	changed := false
	for addr, c := range f.conns {
		if masters[addr] == nil {
			c.cancel()
			delete(f.conns, addr)
			changed = true
		}
	}
	for addr, node := range masters {
		if f.conns[addr] != nil && f.conns[addr].node == node {
			continue
		}
		if c := f.conns[addr]; c != nil { // the address was another node's for a while
			c.cancel()
		}
		connCtx, cancel := context.WithCancel(ctx)
		c := &feedConn{feed: f, addr: addr, node: node, cancel: cancel}
		if f.st.start(&f.st.life.watch, "feed", func() { c.run(connCtx) }) {
			f.conns[addr] = c
			changed = true
		}
	}
	if changed {
		f.shift()
	}
}

// set records whether a connection works. Both ways it begins a new epoch.
func (f *feed) set(c *feedConn, up bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conns[c.addr] == c && c.up != up {
		c.up = up
		if !up {
			f.drops.Add(1)
		}
		f.shift()
		f.wakeAll()
	}
}

// end takes the feed down for good, so that nothing that was kept in process is believed any more.
func (f *feed) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.conns)
	f.shift()
}

// settled says that the first try of a connection has come to an end, well or not.
func (f *feed) settled(c *feedConn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.tried = true
	for _, other := range f.conns {
		if !other.tried {
			return
		}
	}
	f.firstOnce.Do(func() { close(f.first) })
}

// changed is called with each key that Redis says has changed.
func (f *feed) changed(key string) {
	f.st.changed(key)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.waits[key] {
		poke(w)
	}
}

// flushed is called when Redis says that everything has changed.
func (f *feed) flushed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shift()
	f.wakeAll()
}

func (f *feed) wakeAll() {
	for _, waits := range f.waits {
		for _, w := range waits {
			poke(w)
		}
	}
}

func poke(w chan struct{}) {
	select {
	case w <- struct{}{}:
	default: // it has not yet seen the last one
	}
}

// ready waits for the first try to come to an end, but not longer than d.
func (f *feed) ready(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	select {
	case <-f.first:
	case <-ctx.Done():
	}
}

// followed returns the masters of now, in order.
func (f *feed) followed() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.conns))
}

// FeedStats is the state of the invalidation feed.
type FeedStats struct {
	Up      bool // every master has a connection that is known to work
	Masters int
	Lag     time.Duration // how long a notice takes at present, by the slowest connection
	Drops   int64         // how often a connection that worked broke
}

func (f *feed) stats() FeedStats {
	_, up := f.status()
	f.mu.Lock()
	defer f.mu.Unlock()
	s := FeedStats{Up: up, Masters: len(f.conns), Drops: f.drops.Load()}
	for _, c := range f.conns {
		if c.up {
			s.Lag = max(s.Lag, c.lag.now())
		}
	}
	return s
}
