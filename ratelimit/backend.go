package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// backend is the way to Redis: a client of one's own, and the breaker in front of it. The limiters of a [Table] share one.
type backend struct {
	rdb     *redisx.Client
	patient time.Duration // a wait of this length in vain counts as a failure, whoever ended it
	breaker breaker
}

func newBackend(given redis.UniversalClient, c *config) *backend {
	own, err := redisx.Own(given, redisx.Limits{Timeout: c.timeout, Hooks: c.hooks, ShareFrom: c.shareFrom})
	if err != nil {
		panic("ratelimit: " + err.Error())
	}
	return &backend{
		rdb: own, patient: c.timeout / 2,
		breaker: breaker{failures: c.failures, pause: c.pause, changed: c.changed},
	}
}

// once is a command that go-redis sends once. Without retries in its options a client still retries on a Cluster, and
// takes a reply that is late for a command that was lost.
type once struct{ *redis.IntSliceCmd }

func (once) NoRetry() bool { return true }

var errOpen = errors.New("the circuit breaker is open")

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

// run carries out a script on keys of one slot, at most once. The error is the caller's context's, or wraps
// ErrUnavailable.
func (b *backend) run(ctx context.Context, s *script, c command) ([]int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !b.breaker.ready() {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, errOpen)
	}
	began := time.Now()
	reply, err := b.send(ctx, c, "evalsha", s.sha)
	if redis.HasErrorPrefix(err, "NOSCRIPT") { // so it was not run
		reply, err = b.send(ctx, c, "eval", s.text)
	}
	return reply, b.judge(ctx, began, err)
}

func (b *backend) send(ctx context.Context, c command, name, script string) ([]int64, error) {
	c[0], c[1] = name, script
	cmd := once{redis.NewIntSliceCmd(ctx, c...)}
	if err := b.rdb.Do(ctx, cmd); err != nil {
		return nil, err
	}
	return cmd.Result()
}

// judge tells the breaker, unless it was the caller who gave up early, and wraps the error.
func (b *backend) judge(ctx context.Context, began time.Time, err error) error {
	if err == nil {
		b.breaker.done(true)
		return nil
	}
	gaveUp := ctx.Err()
	if gaveUp == nil || time.Since(began) >= b.patient {
		b.breaker.done(!away(err))
	}
	if gaveUp != nil {
		return gaveUp
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// away tells an error of Redis as a whole from one of a single key, such as WRONGTYPE, which must not keep the others
// from Redis.
func away(err error) bool {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return true
	}
	// Redis 6 puts what a script's command said into the middle of an error of its own.
	return !strings.Contains(reply.Error(), "WRONGTYPE")
}

// del removes keys of one slot. Doing so twice would do no harm.
func (b *backend) del(ctx context.Context, keys []string) error {
	if !b.breaker.ready() {
		return fmt.Errorf("%w: %w", ErrUnavailable, errOpen)
	}
	began := time.Now()
	return b.judge(ctx, began, b.rdb.Del(ctx, keys...).Err())
}
