package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/background"
	"github.com/jollyjet/aside/internal/breaker"
	"github.com/jollyjet/aside/internal/memorypolicy"
	"github.com/jollyjet/aside/internal/redisx"
)

// backend is the way to Redis: a client of the limiter's own, and breakers in front of its masters. The limiters of a
// [Table] share one.
type backend struct {
	given        redis.UniversalClient // not used, but tells backends apart
	rdb          *redisx.Client
	openBreakers openBreakers
	probes       *background.Group
	memory       memorypolicy.Check
}

func newBackend(given redis.UniversalClient, c *config) *backend {
	b := &backend{given: given, openBreakers: openBreakers{changed: c.changed}}
	recovered := func(what string, value any) {
		c.conn.Log.Error("aside: recovered panic", "in", "ratelimit: "+what, "panic", fmt.Sprint(value))
	}
	b.probes = background.New(recovered)
	breakers := breaker.New(breaker.Config{
		Failures: c.failures, ProbeEvery: c.pause, Failed: unanswered, Go: b.probes.Go, Recovered: recovered,
		OnOpen:  func(string, error) { b.openBreakers.opened() },
		OnClose: func(string, bool) { b.openBreakers.closed() },
	})
	limits := c.conn.Limits()
	limits.Breaker = breakers.For
	own, err := redisx.Own(given, limits)
	if err != nil {
		panic("ratelimit: " + err.Error())
	}
	b.rdb = own
	b.memory.Client, b.memory.Go, b.memory.Log, b.memory.Loss = own, b.probes.Go, c.conn.Log, "limits let more through than they allow"
	return b
}

// close ends the probes before the client that they use.
func (b *backend) close() error {
	b.probes.Close()
	return b.rdb.Close()
}

// command is EVALSHA or EVAL, with room for the first three arguments.
type command []any

func newCommand(keys []string, more int) command {
	c := make(command, 3, 3+len(keys)+more)
	c[2] = len(keys)
	for _, k := range keys {
		c = append(c, k)
	}
	return c
}

// key is one of the keys, which are all of one slot.
func (c command) key() string { return c[3].(string) }

// run runs a script on keys of one slot, at most once. The error is that of the caller's context, or wraps ErrUnavailable.
func (b *backend) run(ctx context.Context, s *script, c command) ([]int64, error) {
	reply, err := b.send(ctx, c, "evalsha", s.SHA())
	if redis.HasErrorPrefix(err, "NOSCRIPT") { // so it did not run
		reply, err = b.send(ctx, slices.Clone(c), "eval", s.Text())
	}
	if err == nil {
		b.memory.Used()
	}
	return reply, asUnavailable(ctx, err)
}

func (b *backend) send(ctx context.Context, c command, name, script string) ([]int64, error) {
	c[0], c[1] = name, script
	cmd := &redisx.IntsCmd{IntSliceCmd: redis.NewIntSliceCmd(ctx, c...)}
	cmd.SetFirstKeyPos(3)
	if err := b.rdb.Do(ctx, c.key(), cmd); err != nil {
		return nil, err
	}
	return cmd.Result()
}

// asUnavailable wraps an error, unless the caller has given up.
func asUnavailable(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if gaveUp := ctx.Err(); gaveUp != nil {
		return gaveUp
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// unanswered reports whether an error says that a master does not answer. A reply does not, unless it is about the server
// as a whole. Everything else does, whatever made it: the user's client may have a dialer of its own.
func unanswered(err error) bool {
	var reply redis.Error
	return !errors.As(err, &reply) || redisx.Unhealthy(err)
}

// del removes keys of one slot. Doing so twice does no harm.
func (b *backend) del(ctx context.Context, keys []string) error {
	more := make([]any, len(keys)-1)
	for i, key := range keys[1:] {
		more[i] = key
	}
	return asUnavailable(ctx, redisx.Run(ctx, b.rdb, &redisx.Call{Name: "del", Key: keys[0], Args: more}))
}
