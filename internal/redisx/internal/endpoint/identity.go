// Package endpoint answers one question: which server does an address lead to? Behind a name, a balancer or Sentinel that
// changes while connections live on.
//
// Invariants: identity is a property of a connection, and no reply is used before its connection has said which server it
// reaches ([Endpoint.Dialer], conn.go). New connections decide: once one of them reaches another server, replies of older
// ones are discarded ([Endpoint.Accept]). Replies of a replica are discarded, unless [Config.Replicas] allows them.
//
// Lock order: Set.mu before Endpoint.mu. A [Watcher] is called with neither of them held.
package endpoint

import (
	"errors"
	"strings"

	"github.com/jollyjet/aside/internal/redisx/internal/rediserr"
)

// Identity names a data set: the run of the server, and the history of writes that it continues. A replica that is promoted
// begins a new history.
type Identity struct{ Run, History string }

// Watcher learns from connections which servers they reach. Its methods are called from many goroutines, each before a
// reply of its connection is used.
type Watcher interface {
	// Met is called when a master has named its data set.
	Met(addr string, id Identity)
	// Blind is called when a server does not name its data set, and never will.
	Blind(addr string, cause error)
}

// ErrNotMaster is wrapped by the error of a command whose connection leads to a replica.
var ErrNotMaster = errors.New("this server is a replica")

// ErrOtherData is wrapped by the error of a command whose connection leads to another server than newer connections to
// the same address.
var ErrOtherData = errors.New("this connection leads to another server than newer ones to the same address")

// ErrRetired is wrapped by the error of a command whose connection was made before [Endpoint.Retire].
var ErrRetired = errors.New("this connection was retired, because its address may lead to another server by now")

// Answer is what a server replied to INFO about itself.
type Answer struct {
	ID      Identity
	Replica bool
	Refused error // not nil: the server does not name its data set
}

// errNoIdentity is the Refused of a server that replies to INFO, but leaves out who it is.
var errNoIdentity = errors.New("INFO has neither run_id nor master_replid")

// ParseAnswer reads the sections "server" and "replication" of INFO. refused is the error of Redis, if it was one.
func ParseAnswer(sections []string, refused error) *Answer {
	a := &Answer{Refused: refused}
	var role string
	for _, text := range sections {
		for line := range strings.Lines(text) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			switch name {
			case "run_id":
				a.ID.Run = value
			case "master_replid":
				a.ID.History = value
			case "role":
				role = value
			}
		}
	}
	a.Replica = role == "slave"
	if refused == nil && a.ID == (Identity{}) {
		a.Refused = errNoIdentity
	}
	return a
}

// final reports whether a server that does not name its data set will not do so the next time either.
func final(err error) bool {
	return errors.Is(err, errNoIdentity) || rediserr.Refused(err) && !rediserr.Passes(err)
}
