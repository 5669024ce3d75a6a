package store

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
)

// generation is what this process knows of the generation of a namespace or a cache, so that reads need not ask.
type generation struct {
	key   Key
	known atomic.Pointer[knownGeneration] // nil: ask Redis

	mu      sync.Mutex    // orders learning against forgetting
	changes atomic.Uint64 // how often it was forgotten; guards against learning what was read before that

	kept atomic.Pointer[keeping] // what was asked for last
}

// keeping is a wish for how long a generation is to be kept. Those that are known, so that nobody asks for them, would
// otherwise expire one day, and all entries with them.
type keeping struct {
	keep time.Duration
	at   time.Time
}

// isKept reports whether Redis keeps the generation for at least half of keep. It does if a load has asked for it lately:
// then three quarters were left.
func (g *generation) isKept(keep time.Duration) bool {
	k := g.kept.Load()
	return k != nil && k.keep >= keep && time.Since(k.at) < keep/4
}

type knownGeneration struct {
	state markerState
	epoch uint64        // of the feed, which vouches for it while the epoch lasts
	until time.Duration // since the process began; 0 if the feed vouches
}

// markerState is what a marker said: the current generation, or none, or that a writer holds the tag.
type markerState struct {
	gen  envelope.Gen // zero if there is none
	held bool
}

// none reports whether there is no generation, so that no entry can be of it.
func (m markerState) none() bool { return m.gen == envelope.Gen{} }

func parseMarker(raw string) markerState {
	if envelope.KindOf([]byte(raw)) == envelope.Hold {
		return markerState{held: true}
	}
	gen, _ := envelope.ParseGeneration([]byte(raw))
	return markerState{gen: gen}
}

// vouched returns the state, and until when it may be believed, if nothing can have changed it unnoticed.
func (g *generation) vouched(s *Store) (state markerState, until time.Duration, ok bool) {
	known := g.known.Load()
	if known == nil || s.cfg.strict {
		return markerState{}, 0, false
	}
	if epoch, up := s.feed.status(); up {
		return known.state, 0, epoch == known.epoch
	}
	return known.state, known.until, time.Since(began) < known.until
}

// sooner returns the sooner of two ends, of which 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return a + b
	}
	return min(a, b)
}

// reading begins a read of the marker. What it finds may be kept only if nothing happened since.
func (g *generation) reading(s *Store) func(markerState) {
	before := g.changes.Load()
	epoch, up := s.feed.status()
	covered := up && s.feed.covers(g.key.addr)
	until := time.Since(began) + s.cfg.trust
	return func(state markerState) {
		known := &knownGeneration{state: state, epoch: epoch}
		if !up {
			known.until = until
		}
		if up && !covered {
			return
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.changes.Load() == before {
			g.known.Store(known)
		}
	}
}

// forget drops what is known, and what reads that are under way will find.
func (g *generation) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.changes.Add(1)
	g.known.Store(nil)
}
