package redisx

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	discoverEvery = 200 * time.Millisecond // how often the slots are loaded while a node does not answer
	discoverFor   = time.Minute            // for how long after a node was last heard of to fail
)

// discovery loads the slots of a Cluster again as long as one of its nodes does not answer. go-redis does so by itself when
// it repeats commands; those of this package are never repeated, and would go to a dead master for a minute.
type discovery struct {
	cluster *redis.ClusterClient // nil: there is nothing to discover
	client  *Client

	any atomic.Bool // there are suspects

	mu       sync.Mutex
	suspects map[*Node]time.Time // and when they failed last
	running  bool
}

func (d *discovery) failed(n *Node) {
	if d.cluster == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.suspects == nil {
		d.suspects = make(map[*Node]time.Time)
	}
	d.suspects[n] = time.Now()
	d.any.Store(true)
	if !d.running {
		d.running = d.client.work(d.run)
	}
}

// answered is called for every reply, so it costs nothing where there are no suspects.
func (d *discovery) answered(n *Node) {
	if !d.any.Load() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.suspects, n)
	d.any.Store(len(d.suspects) > 0)
}

func (d *discovery) run() {
	tick := time.NewTicker(discoverEvery)
	defer tick.Stop()
	for d.pending() {
		d.cluster.ReloadState(context.Background()) // it works in the background, once at a time
		select {
		case <-tick.C:
		case <-d.client.closing:
			return
		}
	}
}

// pending drops suspects of long ago, and reports whether there are others.
func (d *discovery) pending() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for n, failed := range d.suspects {
		if time.Since(failed) > discoverFor {
			delete(d.suspects, n)
		}
	}
	d.any.Store(len(d.suspects) > 0)
	d.running = len(d.suspects) > 0
	return d.running
}
