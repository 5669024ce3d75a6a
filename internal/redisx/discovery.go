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
	discoverFor   = time.Minute            // for how long after a node last failed
)

// discovery reloads the slots of a Cluster as long as one of its nodes does not answer. go-redis does so by itself when it
// repeats commands; those of this package are never repeated, and would go to a dead master for a minute.
type discovery struct {
	cluster *redis.ClusterClient // nil: not a Cluster
	work    *work

	any atomic.Bool // there are suspects; written with mu held

	mu       sync.Mutex           // held while work.mu is taken
	suspects map[string]time.Time // guarded by mu: addresses of nodes, and when they last failed
	running  bool                 // guarded by mu
}

func (d *discovery) failed(addr string) {
	if d.cluster == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.suspects == nil {
		d.suspects = make(map[string]time.Time)
	}
	d.suspects[addr] = time.Now()
	d.any.Store(true)
	if !d.running {
		d.running = d.work.start(d.run)
	}
}

// answered is called for every reply, so it costs nothing where there are no suspects.
func (d *discovery) answered(addr string) {
	if !d.any.Load() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.suspects, addr)
	d.any.Store(len(d.suspects) > 0)
}

func (d *discovery) run() {
	tick := time.NewTicker(discoverEvery)
	defer tick.Stop()
	for d.pending() {
		d.cluster.ReloadState(context.Background()) // it returns at once, and loads one at a time
		select {
		case <-tick.C:
		case <-d.work.closing:
			return
		}
	}
}

// pending drops suspects that failed long ago, and reports whether others are left. If not, running ends.
func (d *discovery) pending() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for addr, failed := range d.suspects {
		if time.Since(failed) > discoverFor {
			delete(d.suspects, addr)
		}
	}
	d.any.Store(len(d.suspects) > 0)
	d.running = len(d.suspects) > 0
	return d.running
}
