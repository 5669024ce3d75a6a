package redisx

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// ErrMoved is returned by [Node.Scan] when another server has taken the node's place, so that the cursor means nothing.
var ErrMoved = errors.New("another server has taken the master's place")

// Page is one step of a walk over the keys of a node.
type Page struct {
	Keys []string
	Next uint64 // cursor of the next page; 0 after the last
	Run  string // the run that the cursor belongs to, as [Node.RunID] returns it
}

// Scan asks a node for one page of the keys that match a glob. It looks at about count keys. In the same round trip it asks
// before and after the page which server replies: SCAN is answered by replicas too, and by a server that has just become a
// replica and is about to lose its keys. The error is [ErrNotMaster] for a replica. It is [ErrMoved] if run is not empty
// and another server replies.
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
	first, err := n.masterAnswer(before)
	if err != nil {
		return Page{}, err
	}
	last, err := n.masterAnswer(after)
	if err != nil {
		return Page{}, err
	}
	page := Page{Run: n.runOf(first)}
	if run != "" && run != page.Run || first.ID.History != last.ID.History {
		return Page{}, ErrMoved
	}
	page.Keys, page.Next, err = readScan(scan.Cmd)
	return page, err
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
