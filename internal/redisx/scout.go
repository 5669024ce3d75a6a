package redisx

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	lookEvery = time.Second             // how often a client in use makes a new connection, to see where the address leads
	restFor   = 1500 * time.Millisecond // a client that was not used, or has not looked, for so long makes new connections only
)

// scout sees to it that a client in use notices within two seconds that its address leads elsewhere, though its connections
// go on to work. It costs a client that is not used nothing. In a Cluster the nodes know where the keys are.
type scout struct {
	client *Client

	used, looked atomic.Int64 // when, since the program began
	running      atomic.Bool
}

var began = time.Now()

// use is called before every command.
func (s *scout) use(n *Node) {
	if n.endpoint.cluster || s.client.limits.Looks {
		return
	}
	now := int64(time.Since(began))
	if now-s.used.Load() > int64(lookEvery/10) { // so that not every command writes to it
		s.used.Store(now)
	}
	if now-s.looked.Load() > int64(restFor) {
		s.looked.Store(now)
		n.endpoint.bar()
	}
	if !s.running.Load() && !s.running.Swap(true) && !s.client.work(func() { s.run(n) }) {
		s.running.Store(false)
	}
}

// run looks until the client is no longer used.
func (s *scout) run(n *Node) {
	defer s.running.Store(false)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.client.closing:
			return
		}
		now := int64(time.Since(began))
		if now-s.used.Load() > int64(restFor) {
			return
		}
		s.client.guard(nil, func() { // a hook that panics does so for the commands of the user's, too
			ping := &Cmd{Cmd: redis.NewCmd(context.Background(), "ping")}
			if _, err := n.Look(context.Background(), ping); err == nil {
				s.looked.Store(now)
			}
		})
	}
}
