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

// listener counts the errors that a hook of the user's sees, of commands alone and in pipelines.
type listener struct {
	mu   sync.Mutex
	seen map[string]int // guarded by mu
}

func (l *listener) hook(_ context.Context, cmds []redis.Cmder, send func() error) error {
	err := send()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(cmds) == 1 { // it has no error of its own yet
		l.seen[fmt.Sprint(err)]++
		return err
	}
	for _, cmd := range cmds {
		l.seen[fmt.Sprint(cmd.Err())]++
	}
	return err
}

// A hook sees the error of each command of a pipeline, whichever place it has, and whoever shares it.
func TestHooksSeeTheErrorsOfSharedCommands(t *testing.T) {
	refuse := NewScript(`return redis.error_reply('NO ' .. ARGV[1])`)
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := &listener{seen: make(map[string]int)}
		c := own(t, rdb, Limits{ShareFrom: 1, Hooks: []redis.Hook{redistest.Hook(l.hook)}})
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
				require.Equal(t, 1, l.seen[fmt.Sprint("NO ", caller, "-", i)], "%d-%d of %v", caller, i, l.seen)
			}
		}
	})
}

// If a hook refuses a pipeline for several masters, this is the outcome of each command, and nothing is sent.
func TestAHookCanRefuseAPipeline(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		c := own(t, rdb, Limits{Hooks: []redis.Hook{refusing}})
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

// refusing is a hook that lets only the handshake pass, and does not set the errors of commands.
var refusing = redistest.Hook(func(_ context.Context, cmds []redis.Cmder, send func() error) error {
	if endpoint.Handshake(cmds[0].Name()) {
		return send()
	}
	return errHook
})
