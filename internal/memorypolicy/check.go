// Package memorypolicy looks whether Redis drops keys when its memory is full. For a cache that is right. What can't be
// loaded again, such as counts and sessions, is lost by it without an error, so the operator should know beforehand.
package memorypolicy

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// Check looks at the servers of a client once, in the background. Its methods may be called from any goroutine.
type Check struct {
	// Client is whose servers are looked at.
	Client *redisx.Client
	// Go starts a goroutine, which ends before the client is closed.
	Go  func(what string, f func(ctx context.Context)) bool
	Log *slog.Logger
	// Loss completes "when its memory is full this Redis drops keys, and then": it says what the operator would notice.
	Loss string

	begun atomic.Bool // and not failed
}

// Used is called with each use of the client that Redis has answered. The first looks at the servers. So does the next one
// if a server did not answer, but not if it refused to.
func (c *Check) Used() {
	if !c.begun.Load() && !c.begun.Swap(true) {
		c.Go("the check of Redis's memory policy", c.look)
	}
}

func (c *Check) look(ctx context.Context) {
	err := c.Client.EachMaster(ctx, c.lookAt)
	var refused redis.Error
	if err != nil && !errors.As(err, &refused) {
		c.begun.Store(false)
	}
}

func (c *Check) lookAt(ctx context.Context, n *redisx.Node) error {
	server, memory, err := ask(ctx, n)
	if err != nil {
		return err
	}
	policy := field(memory, "maxmemory_policy")
	if most := field(memory, "maxmemory"); most == "" || most == "0" || policy == "" || policy == "noeviction" {
		return nil
	}
	run := field(server, "run_id")
	if _, again := logged.LoadOrStore(run+" "+c.Loss, true); !again {
		c.Log.Warn("aside: when its memory is full this Redis drops keys, and then "+c.Loss+"; give them a Redis of their own "+
			"with maxmemory-policy noeviction, and an alert on its memory", "node", n.Addr(), "maxmemory-policy", policy)
	}
	return nil
}

// logged has the runs of servers that this process has reported, for each loss: most programs have several limiters.
var logged sync.Map

// ask uses a connection of its own, once: hooks of the user's are for the commands that the user has caused.
func ask(ctx context.Context, n *redisx.Node) (server, memory string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	options := n.Options()
	options.PoolSize, options.MinIdleConns = 1, 0
	own := redis.NewClient(options)
	defer func() { _ = own.Close() }() // nothing is sent any more
	if server, err = own.Info(ctx, "server").Result(); err != nil {
		return "", "", err
	}
	memory, err = own.Info(ctx, "memory").Result()
	return server, memory, err
}

const patience = 5 * time.Second

func field(text, name string) string {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
