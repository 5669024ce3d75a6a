package redisx

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/internal/redisx/internal/endpoint"
)

// listener takes note of what a hook of the user's hears of commands that are sent together.
type listener struct {
	mu    sync.Mutex
	heard map[string]int
}

func (*listener) DialHook(next redis.DialHook) redis.DialHook { return next }
func (l *listener) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.heard[fmt.Sprint(err)]++
		return err
	}
}

func (l *listener) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, cmd := range cmds {
			l.heard[fmt.Sprint(cmd.Err())]++
		}
		return err
	}
}

// A hook hears the error of each command of a pipeline, whichever place it has, and whoever shares it.
func TestHooksHearTheErrorsOfSharedCommands(t *testing.T) {
	refuse := NewScript(`return redis.error_reply('NO ' .. ARGV[1])`)
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := &listener{heard: make(map[string]int)}
		c := own(t, rdb, Limits{ShareFrom: 1, Hooks: []redis.Hook{l}})
		prefix := redistest.Unique(t)
		const callers, each = 16, 20
		var wg sync.WaitGroup
		for caller := range callers {
			wg.Go(func() {
				for i := range each {
					text := fmt.Sprint(caller, "-", i)
					_ = Run(t.Context(), c, Get(prefix+text), &Call{Script: refuse, Key: prefix + text, Args: []any{text}}, Get(prefix+text+"'"))
				}
			})
		}
		wg.Wait()
		l.mu.Lock()
		defer l.mu.Unlock()
		for caller := range callers {
			for i := range each {
				require.Equal(t, 1, l.heard[fmt.Sprint("NO ", caller, "-", i)], "%d-%d of %v", caller, i, l.heard)
			}
		}
	})
}

// What a command of several masters is refused by a hook is its outcome, and nothing is sent.
func TestAHookCanRefuseAPipeline(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		c := own(t, rdb, Limits{Hooks: []redis.Hook{refusing{}}})
		prefix := redistest.Unique(t)
		calls := make([]*Call, 8)
		for i := range calls {
			calls[i] = &Call{Name: "set", Key: fmt.Sprint(prefix, i), Args: []any{"x", "px", 60_000}}
		}
		require.ErrorIs(t, Run(t.Context(), c, calls...), errHook)
		require.ErrorIs(t, Run(t.Context(), c, calls[0]), errHook)
		for _, call := range calls {
			require.ErrorIs(t, call.Err(), errHook)
			require.Zero(t, rdb.Exists(t.Context(), call.Key).Val())
		}
	})
}

var errHook = fmt.Errorf("not allowed")

// refusing is a hook that lets nothing pass but the handshake, and does not set the errors of commands.
type refusing struct{}

func (refusing) DialHook(next redis.DialHook) redis.DialHook { return next }
func (refusing) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if endpoint.Handshake(cmd.Name()) {
			return next(ctx, cmd)
		}
		return errHook
	}
}

func (refusing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if endpoint.Handshake(cmds[0].Name()) {
			return next(ctx, cmds)
		}
		return errHook
	}
}
