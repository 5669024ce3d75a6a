package session

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/background"
	"github.com/jollyjet/aside/internal/breaker"
	"github.com/jollyjet/aside/internal/memorypolicy"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/setup"
)

const (
	breakAfter = 5                      // how many commands in a row a master must leave unanswered
	probeEvery = 100 * time.Millisecond // how often a master is probed that does not answer
)

// connection is the manager's own client, with a circuit breaker for each master. A master that does not answer is
// probed in the background, so that its breaker closes again without any request.
type connection struct {
	rdb    *redisx.Client
	work   *background.Group
	memory memorypolicy.Check
}

// newConnection makes a client from the options of the given one. It calls back, in the background, whenever a master
// answers again.
func newConnection(given redis.UniversalClient, c setup.Conn, back func(ctx context.Context)) *connection {
	recovered := func(what string, value any) {
		c.Log.Error("aside: recovered panic", "in", "session: "+what, "panic", fmt.Sprint(value))
	}
	own := &connection{work: background.New(recovered)}
	limits := c.Limits()
	limits.Breaker = breaker.New(breaker.Config{
		Failures: breakAfter, ProbeEvery: probeEvery, Go: own.work.Go, Recovered: recovered,
		OnOpen:  func(addr string, cause error) { logOpen(c.Log, addr, cause) },
		OnClose: func(addr string, left bool) { logClosed(c.Log, addr, left) },
		Closed:  func(string) { own.work.Go("clean-up", back) },
	}).For
	rdb, err := redisx.Own(given, limits)
	if err != nil {
		panic("session: " + err.Error())
	}
	own.rdb = rdb
	own.memory.Client, own.memory.Go, own.memory.Log, own.memory.Loss = rdb, own.work.Go, c.Log, "sessions end before their time"
	return own
}

func logOpen(log *slog.Logger, addr string, cause error) {
	log.Warn("aside: Redis does not answer; until it does, requests for the sessions that it holds fail at once", "node", addr, "cause", cause)
}

func logClosed(log *slog.Logger, addr string, left bool) {
	if !left {
		log.Warn("aside: Redis answers again", "node", addr)
	}
}

// close ends the probes, which use the client, and then the client. It may be called more than once.
func (c *connection) close() error {
	c.work.Close()
	return c.rdb.Close()
}
