package tagversion

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/wire"
)

// Version is what this process knows of one version, so that reads need not ask Redis.
type Version struct {
	key     keyspace.Key
	known   atomic.Pointer[known] // nil: ask Redis; written under mu
	mu      sync.Mutex            // orders learning against forgetting
	changes atomic.Uint64         // how often it was forgotten; written under mu
	wanted  atomic.Pointer[wanted]
}

// known is what was read last, and how long it may be used.
type known struct {
	state         State
	trackingEpoch uint64        // of tracking, which vouches for the state while that epoch lasts
	until         time.Duration // as uptime, where tracking was down; 0 if tracking vouches
}

// wanted is how long Redis was asked to keep a version. A version that is known, so that nobody asks for it, would
// otherwise expire one day, and all entries with it.
type wanted struct {
	ttl time.Duration
	at  time.Time
}

// Key returns the key of the version.
func (v *Version) Key() keyspace.Key { return v.key }

// Changes counts how often the version may have changed, as far as this process was told.
func (v *Version) Changes() uint64 { return v.changes.Load() }

// isKept reports whether Redis keeps the version for at least half of ttl. It does if a load has asked for it in the last
// quarter of ttl: then three quarters were left.
func (v *Version) isKept(ttl time.Duration) bool {
	w := v.wanted.Load()
	return w != nil && w.ttl >= ttl && time.Since(w.at) < ttl/4
}

// believed returns the state that is known, and until when it may be used, if nothing can have changed it unnoticed.
func (v *Version) believed(cfg *Config) (state State, until time.Duration, ok bool) {
	k := v.known.Load()
	if k == nil || cfg.Strict {
		return State{}, 0, false
	}
	if trackingEpoch, up := cfg.Tracker.Status(); up {
		return k.state, 0, trackingEpoch == k.trackingEpoch
	}
	return k.state, k.until, wire.Uptime() < k.until
}

// reading begins a read of the version. The func that it returns learns what was found, unless the version may have
// changed since.
func (v *Version) reading(cfg *Config) func(State) {
	before := v.changes.Load()
	trackingEpoch, up := cfg.Tracker.Status()
	covered := up && cfg.Tracker.Covers(v.key.Addr())
	until := wire.Uptime() + cfg.Trust
	return func(state State) {
		k := &known{state: state, trackingEpoch: trackingEpoch}
		if !up {
			k.until = until
		}
		if up && !covered {
			return
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.changes.Load() == before {
			v.known.Store(k)
		}
	}
}

// forget drops what is known, and what reads that are under way will find.
func (v *Version) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.changes.Add(1)
	v.known.Store(nil)
}
