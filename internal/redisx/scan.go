package redisx

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// ErrMoved is why a walk over a node's keys can't go on where it was.
var ErrMoved = errors.New("another server has taken the master's place")

// Page is one step of a walk over the keys of a node.
type Page struct {
	Keys []string
	Next uint64 // cursor of the next page; 0 after the last
	Run  string // of the server, or its address where it does not say; its cursors mean nothing to another
}

// Scan asks a node for one page of the keys that match a glob. It looks at about count keys. The server is asked who it is
// before the page and after it, in the same round trip: SCAN is answered by replicas too, and by one that has just been
// made a replica and is about to lose its keys. The error is then [ErrNotMaster]. Where run is not empty and another server
// answers, it is [ErrMoved].
func (n *Node) Scan(ctx context.Context, cursor uint64, match string, count int64, run string) (Page, error) {
	before := []Command{info(ctx, "server"), info(ctx, "replication")}
	scan := &Cmd{Cmd: redis.NewCmd(ctx, "scan", cursor, "match", match, "count", count)}
	after := []Command{info(ctx, "replication")}
	if err := n.DoAll(ctx, append(append(before, scan), after...)...); err != nil {
		return Page{}, err
	}
	if err := scan.result().err; err != nil {
		return Page{}, err
	}
	first, err := readAnswer(before)
	if err != nil {
		return Page{}, err
	}
	last, err := readAnswer(after)
	if err != nil {
		return Page{}, err
	}
	page := Page{Run: first.id.Run}
	if page.Run == "" {
		page.Run = n.Addr()
	}
	switch {
	case !n.endpoint.replicas && (first.replica || last.replica):
		return Page{}, ErrNotMaster
	case run != "" && run != page.Run, first.id.History != last.id.History:
		return Page{}, ErrMoved
	}
	page.Keys, page.Next, err = readScan(scan.Cmd)
	return page, err
}

// RunID asks a node for the name of its run, or returns its address where it does not say.
func (n *Node) RunID(ctx context.Context) (string, error) {
	cmds := []Command{info(ctx, "server"), info(ctx, "replication")}
	if err := n.DoAll(ctx, cmds...); err != nil {
		return "", err
	}
	a, err := readAnswer(cmds)
	switch {
	case err != nil:
		return "", err
	case a.replica && !n.endpoint.replicas:
		return "", ErrNotMaster
	case a.id.Run == "":
		return n.Addr(), nil
	}
	return a.id.Run, nil
}

func info(ctx context.Context, section string) Command {
	return &StringCmd{StringCmd: redis.NewStringCmd(ctx, "info", section)}
}

// readAnswer reads the replies to INFO. That Redis refuses it for good is no error.
func readAnswer(cmds []Command) (*answer, error) {
	var sections []string
	var no error
	for _, cmd := range cmds {
		if err := cmd.result().err; err != nil {
			if !Refused(err) || Passes(err) {
				return nil, err
			}
			no = err
			continue
		}
		sections = append(sections, cmd.(*StringCmd).Val())
	}
	return parseAnswer(sections, no), nil
}

func readScan(cmd *redis.Cmd) (keys []string, next uint64, err error) {
	parts, err := cmd.Slice()
	if err != nil || len(parts) != 2 {
		return nil, 0, errors.Join(errors.New("unexpected reply to SCAN"), err)
	}
	next, err = redis.NewCmdResult(parts[0], nil).Uint64()
	if err != nil {
		return nil, 0, err
	}
	keys, err = redis.NewCmdResult(parts[1], nil).StringSlice()
	return keys, next, err
}
