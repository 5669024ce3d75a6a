package store

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sony/gobreaker/v2"

	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/redisx"
)

// errOpen is why nothing is sent to a node whose breaker is open.
var errOpen = errors.New("circuit breaker open")

// breaker stops sending to a master that does not answer. When it is open no caller waits for that master any more; a
// goroutine asks it now and then, and closes the breaker when it answers. It implements [redisx.Breaker].
type breaker struct {
	st      *Store
	addr    string
	node    atomic.Pointer[redisx.Node] // that of a Cluster is another one after it had left
	circuit atomic.Pointer[gobreaker.CircuitBreaker[struct{}]]

	open    atomic.Bool
	cause   atomic.Pointer[error] // why it opened
	latest  atomic.Pointer[error] // why it still is
	failing atomic.Bool           // the last command failed, so the next success counts
	gone    atomic.Bool           // it is no longer a master
}

// breakers are one for each master.
type breakers struct {
	st     *Store
	mu     sync.RWMutex
	byAddr map[string]*breaker
	trips  atomic.Int64
	past   atomic.Bool // commands are sent whether or not it is open
}

func newBreakers(st *Store) *breakers {
	return &breakers{st: st, byAddr: make(map[string]*breaker)}
}

// of returns the breaker of a node, which may have come back with another client.
func (b *breakers) of(node *redisx.Node) redisx.Breaker {
	b.mu.Lock()
	defer b.mu.Unlock()
	one := b.byAddr[node.Addr()]
	if one == nil {
		one = b.newBreaker(node.Addr())
		b.byAddr[node.Addr()] = one
	}
	one.node.Store(node)
	return one
}

// keep ends the probes of those that are no longer masters. Their nodes may be masters again one day.
func (b *breakers) keep(masters map[string]*redisx.Node) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for addr, one := range b.byAddr {
		one.gone.Store(masters[addr] == nil)
	}
}

func (b *breakers) newBreaker(addr string) *breaker {
	one := &breaker{st: b.st, addr: addr}
	one.reset()
	return one
}

// reset begins with a closed breaker.
func (b *breaker) reset() {
	failures := uint32(b.st.cfg.breakAfter) //nolint:gosec // checked by the option
	b.circuit.Store(gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        b.addr,
		Timeout:     b.st.cfg.probeEvery,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failures },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			b.open.Store(to != gobreaker.StateClosed)
		},
	}))
	b.open.Store(false)
}

// Allow implements [redisx.Breaker].
func (b *breaker) Allow() error {
	if !b.open.Load() || b.st.breakers.past.Load() {
		return nil
	}
	cause, latest := b.cause.Load(), b.latest.Load()
	switch {
	case cause == nil || latest == nil: // it is just opening
		return fmt.Errorf("%w: %s", errOpen, b.addr)
	case (*cause).Error() == (*latest).Error():
		return fmt.Errorf("%w: %s: %w", errOpen, b.addr, *cause)
	default:
		return fmt.Errorf("%w: %s: %w, then %w", errOpen, b.addr, *cause, *latest)
	}
}

// Record implements [redisx.Breaker]. Successes cost nothing while there are no failures.
func (b *breaker) Record(err error) {
	if !redisx.Unhealthy(err) {
		if err == nil && b.failing.Load() {
			b.succeeded()
		}
		return
	}
	b.failing.Store(true)
	b.latest.Store(&err)
	wasOpen := b.open.Load()
	_, _ = b.circuit.Load().Execute(func() (struct{}, error) { return struct{}{}, err }) // refused where it is open already
	if !wasOpen && b.open.Load() {
		b.opened(err)
	}
}

// succeeded counts a success. While the breaker is open that may be too early; the next one comes soon.
func (b *breaker) succeeded() {
	_, err := b.circuit.Load().Execute(func() (struct{}, error) { return struct{}{}, nil })
	if err == nil {
		b.failing.Store(false)
	}
}

// opened starts asking whether the master is back. Several callers may see the breaker open; one goroutine is enough.
func (b *breaker) opened(cause error) {
	b.cause.Store(&cause)
	b.st.breakers.trips.Add(1)
	b.st.cfg.log.Warn("aside: Redis does not answer, reads go to the source until it does", "node", b.addr, "cause", cause)
	b.st.start(&b.st.life.watch, "breaker", func() {
		for b.open.Load() {
			if !pause.For(b.st.life.background, b.st.cfg.probeEvery) {
				return
			}
			if b.gone.Load() { // nothing is sent to it; when it is a master again it begins anew
				b.reset()
				return
			}
			_, _ = b.node.Load().Ping(b.st.life.background) // Record gets the outcome
		}
		poke(b.st.evictions.wake)
		b.st.cfg.log.Warn("aside: Redis answers again", "node", b.addr)
	})
}

// BreakerStats is the state of the circuit breakers.
type BreakerStats struct {
	Open    []string // the masters that nothing is sent to
	Masters []string // those of now, as far as they are known
	Trips   int64    // how often a breaker has opened
}

func (b *breakers) stats() BreakerStats {
	s := BreakerStats{Trips: b.trips.Load(), Masters: b.st.feed.followed()}
	b.mu.RLock()
	defer b.mu.RUnlock()
	for addr, one := range b.byAddr {
		if one.open.Load() && !one.gone.Load() {
			s.Open = append(s.Open, addr)
		}
	}
	slices.Sort(s.Open)
	return s
}

var _ redisx.Breaker = (*breaker)(nil)
