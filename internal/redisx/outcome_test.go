package redisx

import (
	"context"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/internal/redisx/internal/endpoint"
	"github.com/jollyjet/aside/internal/redisx/internal/rediserr"
)

// If the handshake of a connection is refused, this is the outcome of every command: alone, in a pipeline, and in a shared
// pipeline.
func TestARefusedHandshakeIsTheOutcomeOfEveryCommand(t *testing.T) {
	server := redistest.Start(t)
	refusals := map[string]func(o *redis.Options){
		"wrong password":   func(o *redis.Options) { o.Username, o.Password = "nobody", "x" },
		"no such database": func(o *redis.Options) { o.DB = 99 },
		"refused by OnConnect": func(o *redis.Options) {
			o.OnConnect = func(context.Context, *redis.Conn) error { return rediserr.Reply("NO way") }
		},
	}
	for name, change := range refusals {
		for _, share := range []int{0, 1} {
			for _, n := range []int{1, 2, maxShared + 1} {
				t.Run(fmt.Sprint(name, "/share from ", share, "/", n), func(t *testing.T) {
					o := &redis.Options{Addr: server.Addr()}
					change(o)
					rdb := redis.NewClient(o)
					t.Cleanup(func() { require.NoError(t, rdb.Close()) })
					c := own(t, rdb, Limits{ShareFrom: share})
					calls := make([]*Call, n)
					for i := range calls {
						calls[i] = Get(fmt.Sprint("k", i))
					}
					require.Error(t, Run(t.Context(), c, calls...))
					for _, call := range calls {
						var answer redis.Error
						require.ErrorAs(t, call.Err(), &answer)
						require.NotErrorIs(t, call.Err(), redis.Nil)
					}
				})
			}
		}
	}
}

// panicking is a hook that panics at everything but the handshake.
var panicking = redistest.Before(func(cmds []redis.Cmder) {
	if !endpoint.Handshake(cmds[0].Name()) {
		panic(errHook)
	}
})

// A hook runs in a goroutine of the client. When it panics, the caller does, as if it had run in the caller's goroutine.
func TestAHookThatPanicsPanicsInTheCaller(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for _, share := range []int{0, 1} {
			c := own(t, rdb, Limits{ShareFrom: share, Hooks: []redis.Hook{panicking}})
			require.PanicsWithError(t, errHook.Error(), func() { _ = Run(t.Context(), c, Get("a")) })
			require.PanicsWithError(t, errHook.Error(), func() { _ = Run(t.Context(), c, Get("a"), Get("b"), Get("c")) })
		}
	})
}
