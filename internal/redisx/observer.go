package redisx

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx/internal/endpoint"
	"github.com/jollyjet/aside/internal/redisx/internal/rediserr"
	"github.com/jollyjet/aside/internal/redisx/internal/refusals"
)

// observer is the innermost hook of a node's client. It asks the breaker before each command, and passes the outcome on,
// whether or not the caller still waits. The commands of the handshake are not observed.
type observer struct {
	endpoint  *endpoint.Endpoint
	breaker   Breaker // nil: none; set before the first command
	discovery *discovery
	refusals  *refusals.Log
}

// probing marks the context of a command that is sent although a breaker is open.
type probing struct{}

// pastBreaker returns a context whose commands are sent although a breaker is open.
func pastBreaker(ctx context.Context) context.Context { return context.WithValue(ctx, probing{}, true) }

// DialHook implements [redis.Hook].
func (o *observer) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook]. The command has no error of its own yet when next returns.
func (o *observer) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if endpoint.Handshake(cmd.Name()) {
			return next(ctx, cmd)
		}
		if err := o.allow(ctx); err != nil {
			return err
		}
		err := next(ctx, cmd)
		o.record(cmd, err)
		return err
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (o *observer) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if endpoint.Handshake(cmds[0].Name()) {
			return next(ctx, cmds)
		}
		if err := o.allow(ctx); err != nil {
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
			return err
		}
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			complete(cmd, err)
			o.record(cmd, errorOf(cmd))
		}
		return err
	}
}

func (o *observer) allow(ctx context.Context) error {
	if o.breaker == nil || ctx.Value(probing{}) != nil {
		return nil
	}
	return o.breaker.Allow()
}

// record passes the outcome of a command on.
func (o *observer) record(cmd redis.Cmder, err error) {
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	if o.breaker != nil {
		o.breaker.Record(err)
	}
	if err == nil {
		o.discovery.answered(o.endpoint.Addr())
		return
	}
	if rediserr.Says(err, "MOVED", "READONLY", "MASTERDOWN") {
		o.endpoint.Doubt() // before the next reply it may be a master again, with other data
	}
	if rediserr.Unhealthy(err) {
		o.discovery.failed(o.endpoint.Addr())
	}
	if rediserr.Refused(err) {
		o.refusals.Record(o.endpoint.Addr(), cmd, err)
	}
}
