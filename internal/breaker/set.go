package breaker

import (
	"slices"
	"sync"

	"github.com/jollyjet/aside/internal/redisx"
)

// Set has one breaker for each master of a client. Its methods may be called from any goroutine.
type Set struct {
	shared shared

	mu     sync.RWMutex
	byAddr map[string]*breaker
}

// New returns a set whose breakers are all closed.
func New(c Config) *Set {
	if c.Failed == nil {
		c.Failed = redisx.Unhealthy
	}
	return &Set{shared: shared{Config: c}, byAddr: make(map[string]*breaker)}
}

// For returns the breaker of a node. It is a [redisx.Limits.Breaker].
func (s *Set) For(n *redisx.Node) redisx.Breaker { return s.breakerOf(n) }

func (s *Set) breakerOf(n node) *breaker {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.byAddr[n.Addr()]
	if b == nil {
		b = newBreaker(&s.shared, n.Addr())
		s.byAddr[n.Addr()] = b
	}
	b.node.Store(&n)
	return b
}

// SetMasters says which nodes are masters now. Those that are not are probed no longer; they may be masters again.
func (s *Set) SetMasters(now map[string]*redisx.Node) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for addr, b := range s.byAddr {
		b.left.Store(now[addr] == nil)
	}
}

// Bypass has commands sent from now on even where a breaker is open. It is for the last commands before the owner closes.
func (s *Set) Bypass() { s.shared.bypass.Store(true) }

// Open returns the addresses of the masters that nothing is sent to, sorted.
func (s *Set) Open() (addrs []string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for addr, b := range s.byAddr {
		if b.open.Load() && !b.left.Load() {
			addrs = append(addrs, addr)
		}
	}
	slices.Sort(addrs)
	return addrs
}

// Trips returns how often a breaker has opened.
func (s *Set) Trips() int64 { return s.shared.trips.Load() }
