package redisx

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// listener takes note of what nodes say in pipelines, and of what go-redis says to that.
type listener struct {
	mu          sync.Mutex
	heard, told map[string]int
}

func (*listener) Connected(context.Context, *redis.Conn) error         { return nil }
func (*listener) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*listener) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (l *listener) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, cmd := range cmds {
			l.heard[fmt.Sprint(ErrorOf(cmd))]++
			l.told[fmt.Sprint(cmd.Err())]++
		}
		return err
	}
}

// A hook hears the error of each command of a shared pipeline, whichever place it has.
func TestHooksHearTheErrorsOfSharedCommands(t *testing.T) {
	refuse := NewScript(`return redis.error_reply('NO ' .. ARGV[1])`)
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := &listener{heard: make(map[string]int), told: make(map[string]int)}
		c := own(t, rdb, Limits{ShareFrom: 1, Node: func(string) Node { return l }})
		prefix := redistest.Unique(t)
		const callers, each = 16, 20
		var wg sync.WaitGroup
		for caller := range callers {
			wg.Go(func() {
				for i := range each {
					text := fmt.Sprint(caller, "-", i)
					there := Get(prefix + text)
					_ = Run(t.Context(), c, there, &Call{Script: refuse, Key: prefix + text, Args: []any{text}}, Get(prefix+text+"'"))
				}
			})
		}
		wg.Wait()
		l.mu.Lock()
		defer l.mu.Unlock()
		require.Equal(t, l.told, l.heard)
		for caller := range callers {
			for i := range each {
				require.Equal(t, 1, l.heard[fmt.Sprint("NO ", caller, "-", i)], "%d-%d of %v", caller, i, l.heard)
			}
		}
	})
}
