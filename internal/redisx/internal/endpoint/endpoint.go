package endpoint

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// Config is what the endpoints of one client have in common.
type Config struct {
	Replicas bool    // replies of replicas are used
	Cluster  bool    // endpoints are nodes of a Cluster, where a replica replies with a redirection to every key
	Watcher  Watcher // nil: none
}

// Endpoint is an address, and the server that it leads to.
type Endpoint struct {
	Config

	addr    string
	mu      sync.Mutex
	current atomic.Pointer[Identity] // nil: every connection has to ask again; written with mu held
	doubts  atomic.Int64             // counts calls of Doubt
	dialed  atomic.Int64             // counts connections
	retired atomic.Int64             // connections up to this one are not used any more
}

// New returns the endpoint of an address.
func New(addr string, c Config) *Endpoint { return &Endpoint{Config: c, addr: addr} }

// Addr is the address.
func (e *Endpoint) Addr() string { return e.addr }

// Doubt makes every connection ask before its next command which server it reaches. One that is asking asks again.
func (e *Endpoint) Doubt() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.doubts.Add(1)
	e.current.Store(nil)
}

// Retire makes every connection of now be discarded when it is used next.
func (e *Endpoint) Retire() { e.retired.Store(e.dialed.Load()) }

// Reaches reports whether a connection that reached the server with this identity still reaches the same server as new
// connections.
func (e *Endpoint) Reaches(id Identity) bool {
	now := e.current.Load()
	return now == nil || now.Run == id.Run
}

// Accept decides from the answer of a server whether replies of a connection to it are used. before is what the connection
// reached when it last asked, nil if it is new. A connection that is accepted gets its identity; others get an error.
func (e *Endpoint) Accept(a *Answer, before *Identity) (*Identity, error) {
	switch {
	case a.Refused != nil && !final(a.Refused) && before == nil:
		return nil, fmt.Errorf("which data Redis has: %w", a.Refused)
	case a.Replica && !e.Replicas:
		e.Doubt()
		if e.Cluster {
			return &Identity{Run: a.ID.Run}, nil // it holds no key of its own, but knows where the masters are
		}
		return nil, ErrNotMaster
	case a.Refused != nil:
		if final(a.Refused) && e.Watcher != nil {
			e.Watcher.Blind(e.addr, a.Refused)
		}
		if before != nil {
			a.ID = *before
		}
		return e.agree(a.ID, before)
	}
	id, err := e.agree(a.ID, before)
	if err == nil && e.Watcher != nil && !a.Replica {
		e.Watcher.Met(e.addr, *id)
	}
	return id, err
}

// agree compares the server that a connection reaches with the one that newer connections reach.
func (e *Endpoint) agree(id Identity, before *Identity) (*Identity, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	current := e.current.Load()
	switch {
	case current != nil && *current == id:
		return current, nil
	case current == nil || before == nil || current.Run == id.Run: // the newest answer, or the same run with a new history
		current = &id
		e.current.Store(current)
		return current, nil
	default:
		return nil, ErrOtherData
	}
}
