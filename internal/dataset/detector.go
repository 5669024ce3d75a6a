// Package dataset notices that Redis may have lost writes: a restart from disk, or a replica that was promoted before it
// had everything.
//
// Invariant: no reply of a server is used before the detector knows the server's data set. On an unknown one, recent
// evictions are queued again first. Every connection says which data it leads to; see redisx.
//
// Lock order: Detector.mu before those of the outbox: it is held while evictions are queued, so that no reply is used
// before that is done. Nothing is logged while it is held.
package dataset

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/redisx"
)

// Config says what a [Detector] tells others.
type Config struct {
	Log    *slog.Logger
	Any    func() bool // reports whether there are evictions that Redis may have lost
	Recall func() int  // queues these evictions again and returns how many there are; called with the detector's lock held
	Woke   func()      // is called when a master has answered
}

// Detector identifies data sets by run_id and master_replid. It is safe for concurrent use and implements
// [redisx.Watcher].
type Detector struct {
	cfg      Config
	blind    atomic.Bool  // a server does not say who it is
	restarts atomic.Int64 // times that Redis may have come back with older data

	mu    sync.Mutex
	known map[redisx.Identity]time.Time // when it was met last; under mu
	at    map[string]redisx.Identity    // which was met last at an address; under mu
	ready bool                          // all masters have been met; under mu
}

// New returns a detector that has met nobody.
func New(cfg Config) *Detector {
	return &Detector{cfg: cfg, known: make(map[redisx.Identity]time.Time), at: make(map[string]redisx.Identity)}
}

// IsBlind reports whether a server does not say who it is, so that its restarts go unnoticed.
func (d *Detector) IsBlind() bool { return d.blind.Load() }

// Restarts counts the times that Redis may have come back with older data.
func (d *Detector) Restarts() int64 { return d.restarts.Load() }

// Met implements [redisx.Watcher].
func (d *Detector) Met(addr string, id redisx.Identity) {
	d.blind.Store(false)
	if evictions, surprise := d.admit(addr, id); surprise {
		d.cfg.Log.Warn("aside: Redis has restarted, was replaced, or began another replication history; recent evictions are repeated, because it may have lost them",
			"run", id.Run, "evictions", evictions)
	}
	d.cfg.Woke()
}

// Blind implements [redisx.Watcher].
func (d *Detector) Blind(addr string, cause error) {
	if !d.blind.Swap(true) {
		d.cfg.Log.Warn("aside: this Redis does not say in INFO who it is, so aside can't notice when it comes back with older data; grant +info",
			"node", addr, "cause", cause)
	}
}

// admit records a master's data set, and recalls evictions if it is unknown. The first one can't be a surprise. While the
// masters of a Cluster are met one after the other, evictions are repeated to be on the safe side, but only another data
// set at the same address is a surprise.
func (d *Detector) admit(addr string, id redisx.Identity) (recalled int, surprise bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, here := d.at[addr]
	d.at[addr] = id
	_, met := d.known[id]
	if !met && len(d.known) > 0 && (d.ready || d.cfg.Any()) {
		recalled = d.cfg.Recall()
		surprise = d.ready || here
	}
	if surprise {
		d.restarts.Add(1)
	}
	d.known[id] = time.Now()
	return recalled, surprise
}

// Reviewed is called when all masters have been asked, beginning at start. Data sets that were not among theirs are
// forgotten.
func (d *Detector) Reviewed(start time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ready = true
	for id, seen := range d.known {
		if seen.Before(start) {
			delete(d.known, id)
		}
	}
}

var _ redisx.Watcher = (*Detector)(nil)
