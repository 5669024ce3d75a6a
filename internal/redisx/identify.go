package redisx

import (
	"context"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/jollyjet/aside/internal/redisx/internal/endpoint"
	"github.com/jollyjet/aside/internal/redisx/internal/rediserr"
)

// Identity names a data set: the run of the server, and the history of writes that it continues.
type Identity = endpoint.Identity

// Watcher learns from connections which servers they reach.
type Watcher = endpoint.Watcher

// Options are for a connection to the node that is not used for commands. [Node.Identify] finds out which server it
// reaches.
func (n *Node) Options() *redis.Options {
	o := *n.rdb.Options()
	o.Dialer = patient(n.dial)
	// go-redis changes this field later, and it is of no use for a single connection.
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &o
}

// Identify asks which server a new connection reaches that was made from [Node.Options].
func (n *Node) Identify(ctx context.Context, cn *redis.Conn) (Identity, error) {
	cmds := []Command{info(ctx, "server"), info(ctx, "replication")}
	n.exchange(ctx, cn, cmds)
	a, err := n.masterAnswer(cmds)
	if err != nil {
		return Identity{}, err
	}
	id, err := n.endpoint.Accept(a, nil)
	if err != nil {
		return Identity{}, err
	}
	return *id, nil
}

// Reaches reports whether a connection that reached the server with this identity still reaches the same server as new
// connections.
func (n *Node) Reaches(id Identity) bool { return n.endpoint.Reaches(id) }

// RunID asks a node for the id of its run. It returns the address of a node that does not say.
func (n *Node) RunID(ctx context.Context) (string, error) {
	cmds := []Command{info(ctx, "server"), info(ctx, "replication")}
	if err := n.DoAll(ctx, cmds...); err != nil {
		return "", err
	}
	a, err := n.masterAnswer(cmds)
	if err != nil {
		return "", err
	}
	return n.runOf(a), nil
}

func (n *Node) runOf(a *endpoint.Answer) string {
	if a.ID.Run == "" {
		return n.Addr()
	}
	return a.ID.Run
}

// masterAnswer reads the replies to INFO. It returns [ErrNotMaster] for a replica whose replies must not be used.
func (n *Node) masterAnswer(cmds []Command) (*endpoint.Answer, error) {
	a, err := readAnswer(cmds)
	if err != nil {
		return nil, err
	}
	if a.Replica && !n.endpoint.Replicas {
		return nil, ErrNotMaster
	}
	return a, nil
}

func info(ctx context.Context, section string) Command {
	return &StringCmd{StringCmd: redis.NewStringCmd(ctx, "info", section)}
}

// readAnswer reads the replies to INFO. That Redis refuses INFO for good is not an error.
func readAnswer(cmds []Command) (*endpoint.Answer, error) {
	var sections []string
	var refused error
	for _, cmd := range cmds {
		if err := cmd.result().err; err != nil {
			if !rediserr.Refused(err) || rediserr.Passes(err) {
				return nil, err
			}
			refused = err
			continue
		}
		sections = append(sections, cmd.(*StringCmd).Val())
	}
	return endpoint.ParseAnswer(sections, refused), nil
}
