package redisx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Identity is that of a data set: the run of the server, and the history of writes that it continues. A server that is
// promoted begins a new history.
type Identity struct{ Run, History string }

// ErrNotMaster is wrapped by the error of a command whose connection leads to a replica.
var ErrNotMaster = errors.New("this server is a replica")

// ErrOtherData is wrapped by the error of a command whose connection leads to another server than newer connections to
// the same address do.
var ErrOtherData = errors.New("this connection leads to another server than newer ones to the same address")

// Watcher is told what connections to Redis say of whom they reach. Its methods are called from many goroutines, and
// before a reply of that connection is used.
type Watcher interface {
	// Met is called when a master has said who it is.
	Met(addr string, id Identity)
	// Blind is called when a server does not say who it is, and will not.
	Blind(addr string, cause error)
}

// askEvery is how often a connection in use asks again whom it reaches. With the time that a command may take it keeps
// the promise that a server which is no master any more is found out within two seconds.
const askEvery = time.Second

// blindFor is how long a server that refuses INFO is not asked again over the same connection.
const blindFor = time.Minute

// endpoint is an address, and whom it leads to. Behind a name, a balancer or Sentinel that changes. New connections
// decide: as soon as one of them finds another server, what older ones say is refused.
type endpoint struct {
	addr     string
	replicas bool // replies of replicas are used
	cluster  bool // the node of a Cluster, where a replica answers for no key
	watcher  Watcher

	mu      sync.Mutex
	current atomic.Pointer[Identity] // nil: every connection has to ask again; changes under mu
	dialed  atomic.Int64             // counts connections
	barred  atomic.Int64             // older connections than this one are not used any more
}

// doubt makes every connection ask again before its next command.
func (e *endpoint) doubt() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.current.Store(nil)
}

// bar has all connections of now thrown away when they are used next.
func (e *endpoint) bar() { e.barred.Store(e.dialed.Load()) }

// answer is what a server said of itself.
type answer struct {
	id      Identity
	replica bool
	refused error // by the server: it does not tell
}

// admit decides whether what a connection says is used, after it has asked whom it reaches. was is what it reached when it
// asked before, nil if it is new.
func (e *endpoint) admit(a *answer, was *Identity) (*Identity, error) {
	switch {
	case a.refused != nil && !final(a.refused) && was == nil:
		return nil, fmt.Errorf("which data Redis has: %w", a.refused)
	case a.replica && !e.replicas:
		e.doubt()
		if e.cluster {
			return &Identity{Run: a.id.Run}, nil // it answers for no key, but may tell where the masters are
		}
		return nil, ErrNotMaster
	case a.refused != nil:
		if final(a.refused) && e.watcher != nil {
			e.watcher.Blind(e.addr, a.refused)
		}
		if was != nil {
			a.id = *was
		}
		return e.agree(a.id, was)
	}
	id, err := e.agree(a.id, was)
	if err == nil && e.watcher != nil && !a.replica {
		e.watcher.Met(e.addr, *id)
	}
	return id, err
}

// agree compares the server that a connection reaches with the one that newer connections reach.
func (e *endpoint) agree(id Identity, was *Identity) (*Identity, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	current := e.current.Load()
	switch {
	case current != nil && *current == id:
		return current, nil
	case current == nil || was == nil || current.Run == id.Run: // nobody knows better, or the same run has a new history
		current = &id
		e.current.Store(current)
		return current, nil
	default:
		return nil, ErrOtherData
	}
}

// errEmpty is why a server that answers INFO does not tell who it is.
var errEmpty = errors.New("INFO has neither run_id nor master_replid")

// final reports whether a server that does not tell who it is will not tell it the next time either.
func final(err error) bool {
	return errors.Is(err, errEmpty) || Refused(err) && !Passes(err)
}

// parseAnswer reads what a server said to INFO, section by section.
func parseAnswer(sections []string, refused error) *answer {
	a := &answer{refused: refused}
	var role string
	for _, text := range sections {
		for line := range strings.Lines(text) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			switch name {
			case "run_id":
				a.id.Run = value
			case "master_replid":
				a.id.History = value
			case "role":
				role = value
			}
		}
	}
	a.replica = role == "slave"
	if refused == nil && a.id == (Identity{}) {
		a.refused = errEmpty
	}
	return a
}

// guard makes the connections of a dialer know whom they reach.
func (e *endpoint) guard(dial dialer) dialer {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		born := e.dialed.Add(1)
		cn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &guarded{Conn: cn, endpoint: e, born: born}, nil
	}
}
