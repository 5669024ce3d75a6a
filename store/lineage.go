package store

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// lineage knows the data sets that this process talks to. One that it has not met before may be an older state of another:
// a server that restarted from disk, or a replica that was promoted before it had everything. Every connection says which
// data it leads to before a reply of it is used; see redisx.
type lineage struct {
	st    *Store
	blind atomic.Bool // a server does not say

	mu    sync.Mutex                    // held while evictions are recalled, so that no reply is used before that is done; taken before the queue's
	known map[redisx.Identity]time.Time // and when it was met last
	at    map[string]redisx.Identity    // which was met last at an address
	ready bool                          // all masters have been met
}

func newLineage(st *Store) *lineage {
	return &lineage{st: st, known: make(map[redisx.Identity]time.Time), at: make(map[string]redisx.Identity)}
}

// Met implements [redisx.Watcher].
func (l *lineage) Met(addr string, id redisx.Identity) {
	l.blind.Store(false)
	l.admit(addr, id)
	poke(l.st.evictions.wake)
}

// Blind implements [redisx.Watcher].
func (l *lineage) Blind(addr string, cause error) {
	if !l.blind.Swap(true) {
		l.st.cfg.log.Warn("aside: this Redis does not say in INFO who it is, so aside can't notice when it comes back with older data; grant +info",
			"node", addr, "cause", cause)
	}
}

// admit takes note of a master's data set, and recalls evictions if it has not met it before. The first one that it
// meets can't be a surprise. While the masters of a Cluster are met one after the other, evictions are repeated to be on
// the safe side, but only another data set at the same address is a surprise.
func (l *lineage) admit(addr string, id redisx.Identity) {
	l.mu.Lock()
	_, here := l.at[addr]
	l.at[addr] = id
	_, met := l.known[id]
	recalled, surprise := 0, false
	if !met && len(l.known) > 0 && (l.ready || l.st.evictions.any()) {
		recalled = l.st.evictions.recall()
		surprise = l.ready || here && recalled > 0
	}
	if surprise {
		l.st.stats.restarts.Add(1)
	}
	l.known[id] = time.Now()
	l.mu.Unlock() // a handler of logs is not ours
	if surprise {
		l.st.cfg.log.Warn("aside: Redis has restarted, was replaced, or began another replication history; recent evictions are repeated, because it may not know of them",
			"run", id.Run, "evictions", recalled)
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

// visit asks a master for the time, and whom its address leads to.
func (s *Store) visit(ctx context.Context, node *redisx.Node) error {
	now := redis.NewTimeCmd(ctx, "time")
	sent, err := node.Probe(ctx, &redisx.TimeCmd{TimeCmd: now})
	if err != nil {
		return err
	}
	s.clock.learn(now.Val().UnixMicro(), sent)
	return nil
}

var _ redisx.Watcher = (*lineage)(nil)
