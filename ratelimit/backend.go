package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// backend is the way to Redis: a client of one's own, and the breakers in front of its masters. The limiters of a [Table]
// share one.
type backend struct {
	rdb      *redisx.Client
	breakers breakers
}

func newBackend(given redis.UniversalClient, c *config) *backend {
	b := &backend{breakers: breakers{failures: c.failures, pause: c.pause, changed: c.changed}}
	own, err := redisx.Own(given, redisx.Limits{
		Timeout: c.timeout, Hooks: c.hooks, ShareFrom: c.shareFrom, Breaker: b.breakers.of,
		Log: c.log, Keys: c.namespace + ":*",
	})
	if err != nil {
		panic("ratelimit: " + err.Error())
	}
	b.rdb = own
	return b
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

// run carries out a script on keys of one slot, at most once. The error is the caller's context's, or wraps
// ErrUnavailable.
func (b *backend) run(ctx context.Context, s *script, c command) ([]int64, error) {
	reply, err := b.send(ctx, c, "evalsha", s.SHA())
	if redis.HasErrorPrefix(err, "NOSCRIPT") { // so it was not run
		reply, err = b.send(ctx, slices.Clone(c), "eval", s.Text())
	}
	return reply, judge(ctx, err)
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

// judge wraps the error, but for that of a caller who gave up.
func judge(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if gaveUp := ctx.Err(); gaveUp != nil {
		return gaveUp
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// away tells an error of Redis as a whole from one of a single key, such as WRONGTYPE, which must not keep the others
// from Redis, and from answers that say where or how to ask.
func away(err error) bool {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return true
	}
	// Redis 6 puts what a script's command said into the middle of an error of its own.
	return !strings.Contains(reply.Error(), "WRONGTYPE") && !redisx.Says(err, "NOSCRIPT", "MOVED", "ASK", "TRYAGAIN")
}

// del removes keys of one slot. Doing so twice would do no harm.
func (b *backend) del(ctx context.Context, keys []string) error {
	more := make([]any, len(keys)-1)
	for i, key := range keys[1:] {
		more[i] = key
	}
	return judge(ctx, redisx.Run(ctx, b.rdb, &redisx.Call{Name: "del", Key: keys[0], Args: more}))
}
