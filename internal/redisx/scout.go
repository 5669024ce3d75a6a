package redisx

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	probeEvery = time.Second             // how often a client in use makes a new connection, to see where the address leads
	restFor    = 1500 * time.Millisecond // after so long without use, or without a probe, a client trusts only new connections
)

// scout makes a client in use notice within two seconds that its address leads elsewhere, although its connections still
// work. A client that is not used pays nothing. In a Cluster the nodes themselves know where the keys are.
type scout struct {
	work *work
	off  bool // for a Cluster, and for an owner who probes by himself

	used, probed atomic.Int64 // when, since the program began
	running      atomic.Bool
}

var began = time.Now()

// use is called before every command.
func (s *scout) use(n *Node) {
	if s.off {
		return
	}
	now := int64(time.Since(began))
	if now-s.used.Load() > int64(probeEvery/10) { // so that not every command writes to it
		s.used.Store(now)
	}
	if now-s.probed.Load() > int64(restFor) {
		s.probed.Store(now)
		n.endpoint.Retire()
	}
	if !s.running.Load() && !s.running.Swap(true) && !s.work.start(func() { s.run(n) }) {
		s.running.Store(false)
	}
}

// run probes until the client is no longer used.
func (s *scout) run(n *Node) {
	defer s.running.Store(false)
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.work.closing:
			return
		}
		now := int64(time.Since(began))
		if now-s.used.Load() > int64(restFor) {
			return
		}
		catch(nil, func() { // a hook that panics here does so for the user's commands, too
			if _, err := n.Ping(context.Background()); err == nil {
				s.probed.Store(now)
			}
		})
	}
}
