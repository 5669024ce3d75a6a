package endpoint

import "sync"

// Set holds the endpoints of one client, one for each address.
type Set struct {
	config Config

	mu     sync.Mutex
	byAddr map[string]*Endpoint // guarded by mu
}

// NewSet returns an empty set.
func NewSet(c Config) *Set { return &Set{config: c, byAddr: make(map[string]*Endpoint)} }

// At returns the endpoint of an address.
func (s *Set) At(addr string) *Endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.byAddr[addr]
	if e == nil {
		e = New(addr, s.config)
		s.byAddr[addr] = e
	}
	return e
}

// DoubtOthers makes the connections of every endpoint that keep does not report ask again which server they reach.
func (s *Set) DoubtOthers(keep func(*Endpoint) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.byAddr {
		if !keep(e) {
			e.Doubt()
		}
	}
}
