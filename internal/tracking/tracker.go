package tracking

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/wire"
)

// Config says what a [Tracker] is made with.
type Config struct {
	Keys      *keyspace.Keyspace
	Wire      *wire.Wire
	Log       *slog.Logger
	Timeout   time.Duration // of a command
	PingEvery time.Duration // how often a connection is tried
	RetryMost time.Duration // how soon a broken connection is tried again, at most
	Untracked time.Duration // for how long others believe what is not tracked; for log messages

	Start   func(f func(ctx context.Context)) bool // starts a goroutine that the owner waits for; false once it is closed
	Changed func(addr string)                      // is called with each key that Redis reports
}

// Tracker reports changes of keys. It is safe for concurrent use.
type Tracker struct {
	cfg      Config
	state    atomic.Uint64 // epoch and, in the lowest bit, whether it is up; written under mu
	watchers watchers
	drops    atomic.Int64 // how often a connection that worked broke

	mu    sync.Mutex
	conns map[string]*conn // by the master's address; under mu

	first     chan struct{} // closed when the first try of every connection has ended
	firstOnce sync.Once
}

// New returns a tracker that follows no master yet.
func New(cfg Config) *Tracker {
	return &Tracker{cfg: cfg, conns: make(map[string]*conn), first: make(chan struct{})}
}

// Status returns the epoch and whether every master has a connection that is known to work. What was read in an epoch
// while tracking was up has not changed unnoticed as long as the epoch lasts.
func (t *Tracker) Status() (epoch uint64, up bool) {
	s := t.state.Load()
	return s >> 1, s&1 == 1
}

// beginEpoch is called with mu held.
func (t *Tracker) beginEpoch() {
	up := uint64(1)
	if len(t.conns) == 0 {
		up = 0
	}
	for _, c := range t.conns {
		if !c.up {
			up = 0
		}
	}
	t.state.Store((t.state.Load()>>1+1)<<1 | up)
}

// Covers reports whether changes of the key are being reported.
func (t *Tracker) Covers(key string) bool {
	if t.cfg.Wire.Single() {
		return true
	}
	master, err := t.cfg.Wire.Client().NodeFor(context.Background(), key)
	if err != nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.conns[master.Addr()]
	return c != nil && c.up
}

// Follow starts connections to masters that are new and ends those to masters that have left. The connections end with
// ctx.
func (t *Tracker) Follow(ctx context.Context, masters map[string]*redisx.Node) {
	t.mu.Lock()
	defer t.mu.Unlock()
	changed := false
	for addr, c := range t.conns {
		if masters[addr] == nil {
			c.cancel()
			delete(t.conns, addr)
			changed = true
		}
	}
	for addr, node := range masters {
		if t.conns[addr] != nil && t.conns[addr].node == node {
			continue
		}
		if c := t.conns[addr]; c != nil { // the address was another node's for a while
			c.cancel()
		}
		connCtx, cancel := context.WithCancel(ctx)
		c := &conn{tracker: t, addr: addr, node: node, cancel: cancel}
		if t.cfg.Start(func(context.Context) { c.run(connCtx) }) {
			t.conns[addr] = c
			changed = true
		}
	}
	if changed {
		t.beginEpoch()
	}
}

// set records whether a connection works. Both ways it begins a new epoch.
func (t *Tracker) set(c *conn, up bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conns[c.addr] == c && c.up != up {
		c.up = up
		if !up {
			t.drops.Add(1)
		}
		t.beginEpoch()
		t.watchers.wakeAll()
	}
}

// End takes tracking down for good, so that nothing that is kept in process is believed any more.
func (t *Tracker) End() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.conns)
	t.beginEpoch()
}

// tried records that the first try of a connection has ended, well or not.
func (t *Tracker) tried(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.tried = true
	for _, other := range t.conns {
		if !other.tried {
			return
		}
	}
	t.Tried()
}

// Tried says that the first try has ended. The owner says so if the masters could not be found.
func (t *Tracker) Tried() { t.firstOnce.Do(func() { close(t.first) }) }

// Ready waits for the first try to end, but not longer than d.
func (t *Tracker) Ready(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	select {
	case <-t.first:
	case <-ctx.Done():
	}
}

// changed is called with each key that Redis reports.
func (t *Tracker) changed(key string) {
	t.cfg.Changed(key)
	t.watchers.wake(key)
}

// flushed is called when Redis reports that all keys have changed.
func (t *Tracker) flushed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.beginEpoch()
	t.watchers.wakeAll()
}

// Masters returns the masters that are followed, in order.
func (t *Tracker) Masters() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Sorted(maps.Keys(t.conns))
}

// Stats is the state of a tracker; see store.FeedStats.
type Stats struct {
	Up      bool
	Masters int
	Lag     time.Duration
	Drops   int64
}

// Stats returns the state at present.
func (t *Tracker) Stats() Stats {
	_, up := t.Status()
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Stats{Up: up, Masters: len(t.conns), Drops: t.drops.Load()}
	for _, c := range t.conns {
		if c.up {
			s.Lag = max(s.Lag, c.lag.now())
		}
	}
	return s
}
