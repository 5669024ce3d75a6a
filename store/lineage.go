package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// lineage knows the data sets that this process talks to. One that it has not met before may be an older state of another:
// a server that restarted from disk, or a replica that was promoted before it had everything. Every connection is asked
// which data it leads to before anything is read over it, and so is a master that has been a replica in between. What was
// that for less than the time between two looks at the masters, and refused nothing meanwhile, is noticed at the next look.
type lineage struct {
	st    *Store
	blind atomic.Bool // a server does not say

	mu    sync.Mutex             // held while evictions are recalled, so that no connection is used before that is done
	known map[identity]time.Time // and when it was met last
	ready bool                   // all masters have been met
	nodes map[string]*node
}

// identity is that of a data set: the run of the server, and the history of writes that it continues. A server that is
// promoted begins a new history.
type identity struct{ run, history string }

// node is one address. It implements [redisx.Node]. It is trusted while it has been asked since it was doubted last: its
// data set is known, and it was a master then.
type node struct {
	lineage *lineage
	doubts  atomic.Int64
	asked   atomic.Int64 // the doubts that it has dispelled
}

func newLineage(st *Store) *lineage {
	return &lineage{st: st, known: make(map[identity]time.Time), nodes: make(map[string]*node)}
}

// at returns the node at an address.
func (l *lineage) at(addr string) *node {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.nodes[addr]
	if n == nil {
		n = &node{lineage: l}
		n.doubt()
		l.nodes[addr] = n
	}
	return n
}

// admit takes note of a master's data set, and recalls evictions if it has not met it before. The first one that it
// meets can't be a surprise, and while the masters of a Cluster are met one after the other they need not be one.
func (l *lineage) admit(id identity) {
	l.mu.Lock()
	_, met := l.known[id]
	recalled, surprise := 0, false
	if !met && len(l.known) > 0 && (l.ready || l.st.evictions.any()) {
		recalled = l.st.evictions.recall()
		surprise = l.ready || recalled > 0
	}
	if surprise {
		l.st.stats.restarts.Add(1)
	}
	l.known[id] = time.Now()
	l.mu.Unlock() // a handler of logs is not ours
	if surprise {
		l.st.cfg.log.Warn("aside: Redis has restarted, was replaced, or began another replication history; evictions of late are repeated, for it may not know of them",
			"run", id.run, "evictions", recalled)
	}
}

// only says which nodes are masters now. Others are doubted: when they are again, they may have something else.
func (l *lineage) only(masters map[string]*redis.Options) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for addr, n := range l.nodes {
		if masters[addr] == nil {
			n.doubt()
		}
	}
}

// reviewed is called when all masters have been asked, beginning at start. Data sets that were not among theirs are
// forgotten.
func (l *lineage) reviewed(start time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ready = true
	for id, seen := range l.known {
		if seen.Before(start) {
			delete(l.known, id)
		}
	}
}

func (n *node) doubt() { n.doubts.Add(1) }

func (n *node) trusted() bool { return n.asked.Load() == n.doubts.Load() }

// sending sends commands, each of which has its own error.
type sending func(ctx context.Context, cmds ...redis.Cmder)

// verify asks a node which data it has. An error means that there is no telling.
func (n *node) verify(ctx context.Context, send sending) error {
	doubts := n.doubts.Load() // what is doubted from now on is not dispelled by an answer that may be older
	server, replication := redis.NewStringCmd(ctx, "info", "server"), redis.NewStringCmd(ctx, "info", "replication")
	send(ctx, server, replication)
	for _, cmd := range []*redis.StringCmd{server, replication} {
		if err := cmd.Err(); err != nil && !silent(err) {
			return err
		}
	}
	fields := parseInfo(server.Val() + replication.Val())
	id := identity{run: fields["run_id"], history: fields["master_replid"]}
	if id == (identity{}) {
		n.lineage.blinded(server.Err())
	}
	master := fields["role"] != "slave"
	if master {
		n.lineage.admit(id)
		poke(n.lineage.st.evictions.wake)
	}
	if master || n.lineage.st.cfg.replicas {
		n.asked.Store(doubts)
	} else {
		n.doubt()
	}
	return nil
}

// silent reports whether a server will never tell, because it does not know the command or does not allow it.
func silent(err error) bool {
	var answer redis.Error
	return errors.As(err, &answer) && !unhealthy(err) && !says(err, "BUSY")
}

func (l *lineage) blinded(cause error) {
	if !l.blind.Swap(true) {
		l.st.cfg.log.Warn("aside: this Redis does not say in INFO who it is, so it is not noticed when it comes back with older data", "cause", cause)
	}
}

// parseInfo returns the fields of a reply to INFO.
func parseInfo(text string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

// Connected implements [redisx.Node].
func (n *node) Connected(ctx context.Context, cn *redis.Conn) error {
	err := n.verify(ctx, func(ctx context.Context, cmds ...redis.Cmder) {
		pipe := cn.Pipeline()
		for _, cmd := range cmds {
			_ = pipe.Process(ctx, cmd)
		}
		_, _ = pipe.Exec(ctx) // each has its own error
	})
	if err != nil {
		return fmt.Errorf("which data Redis has: %w", err)
	}
	return nil
}

// DialHook implements [redis.Hook].
func (n *node) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (n *node) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		n.heed(err)
		if n.trusted() {
			return err
		}
		return n.check(ctx, err, func(ctx context.Context, cmds ...redis.Cmder) {
			for _, cmd := range cmds {
				_ = next(ctx, cmd)
			}
		}, cmd)
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (n *node) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			n.heed(redisx.ErrorOf(cmd))
		}
		if n.trusted() {
			return err
		}
		return n.check(ctx, err, func(ctx context.Context, cmds ...redis.Cmder) { _ = next(ctx, cmds) }, cmds...)
	}
}

// heed doubts a node that says by an error that it is no master, or not of that slot: it may be a master again before the
// masters are looked up, and have something else.
func (n *node) heed(err error) {
	if err != nil && !errors.Is(err, redis.Nil) && says(err, "MOVED", "READONLY", "MASTERDOWN") {
		n.doubt()
	}
}

// check looks at the replies of a node that is not trusted before anybody else does. Connections outlive the role of their
// server, so what a node says that was no master when it was last asked is believed only after it was asked again.
func (n *node) check(ctx context.Context, err error, send sending, cmds ...redis.Cmder) error {
	if !slices.ContainsFunc(cmds, carriedData) {
		return err
	}
	if unsure := n.verify(ctx, send); unsure != nil {
		for _, cmd := range cmds {
			cmd.SetErr(unsure)
		}
		return unsure
	}
	return err
}

// carriedData reports whether a command is one of those with which entries are read and written, and was answered. Those of
// a connection's handshake are not.
func carriedData(cmd redis.Cmder) bool {
	switch cmd.Name() {
	case "get", "mget", "eval", "evalsha":
		err := redisx.ErrorOf(cmd)
		return err == nil || errors.Is(err, redis.Nil)
	default:
		return false
	}
}

// visit asks a master for the time and for its data.
func (l *lineage) visit(ctx context.Context, client *redis.Client) error {
	sent := time.Now()
	now := redis.NewTimeCmd(ctx, "time")
	err := l.at(client.Options().Addr).verify(ctx, func(ctx context.Context, cmds ...redis.Cmder) {
		pipe := client.Pipeline()
		for _, cmd := range append([]redis.Cmder{now}, cmds...) {
			_ = pipe.Process(ctx, cmd)
		}
		_, _ = pipe.Exec(ctx) // each has its own error
	})
	if t, e := now.Result(); e == nil {
		l.st.clock.learn(t.UnixMicro(), sent)
	}
	return err
}

var _ redisx.Node = (*node)(nil)
