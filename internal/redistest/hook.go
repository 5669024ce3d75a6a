package redistest

import (
	"context"
	"net"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Hook is a [redis.Hook] made of one function. It is called for each command and for each pipeline, with the commands that
// are about to be sent. send sends them. Where Hook returns without calling send, nothing is sent.
//
// The error that Hook returns is that of a single command. Of a pipeline, each command has its own.
type Hook func(ctx context.Context, cmds []redis.Cmder, send func() error) error

// Before returns a hook that calls f before commands are sent, to watch them, or to hold them back for as long as f takes.
func Before(f func(cmds []redis.Cmder)) Hook {
	return func(_ context.Context, cmds []redis.Cmder, send func() error) error {
		f(cmds)
		return send()
	}
}

// DialHook implements [redis.Hook].
func (h Hook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements [redis.Hook].
func (h Hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return h(ctx, []redis.Cmder{cmd}, func() error { return next(ctx, cmd) })
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (h Hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return h(ctx, cmds, func() error { return next(ctx, cmds) })
	}
}

// Commands records the commands that a client sends, also those of its handshakes. Its zero value is ready to use; pass
// Hook to the client.
type Commands struct {
	Args bool // record arguments as well, for [Commands.TakeTexts]

	mu    sync.Mutex
	trips []trip // guarded by mu
}

// trip are the commands that were sent together.
type trip struct{ names, texts []string }

// Hook returns the hook that records.
func (c *Commands) Hook() Hook { return Before(c.record) }

func (c *Commands) record(cmds []redis.Cmder) {
	var t trip
	for _, cmd := range cmds {
		t.names = append(t.names, cmd.Name())
		if c.Args {
			t.texts = append(t.texts, cmd.String())
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trips = append(c.trips, t)
}

// Count returns how many commands with one of the names were sent.
func (c *Commands) Count(names ...string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.trips {
		for _, name := range t.names {
			if slices.Contains(names, name) {
				n++
			}
		}
	}
	return n
}

// RoundTrips returns how many commands and pipelines were sent that have a command with one of the names.
func (c *Commands) RoundTrips(names ...string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.trips {
		if slices.ContainsFunc(t.names, func(name string) bool { return slices.Contains(names, name) }) {
			n++
		}
	}
	return n
}

// TakeNames returns the names of the commands that were sent, and forgets them. It leaves out the names in skip, such as
// those of handshakes.
func (c *Commands) TakeNames(skip ...string) []string {
	return c.take(skip, func(t trip, i int) string { return t.names[i] })
}

// TakeTexts is [Commands.TakeNames] for the commands with their arguments, and their replies if they had any. Args must be
// set.
func (c *Commands) TakeTexts(skip ...string) []string {
	return c.take(skip, func(t trip, i int) string { return t.texts[i] })
}

func (c *Commands) take(skip []string, of func(trip, int) string) (taken []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.trips {
		for i, name := range t.names {
			if !slices.Contains(skip, name) {
				taken = append(taken, of(t, i))
			}
		}
	}
	c.trips = nil
	return taken
}
