package redisx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// A connection that is refused in its handshake is the outcome of every command, alone, in a pipeline, and in one that
// callers share.
func TestARefusedHandshakeIsTheOutcomeOfEveryCommand(t *testing.T) {
	server := redistest.Start(t)
	refusals := map[string]func(o *redis.Options){
		"wrong password":   func(o *redis.Options) { o.Username, o.Password = "nobody", "x" },
		"no such database": func(o *redis.Options) { o.DB = 99 },
		"refused by OnConnect": func(o *redis.Options) {
			o.OnConnect = func(context.Context, *redis.Conn) error { return refusal("NO way") }
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
type panicking struct{ refusing }

func (panicking) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if handshake[cmd.Name()] {
			return next(ctx, cmd)
		}
		panic(errHook)
	}
}

func (panicking) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if handshake[cmds[0].Name()] {
			return next(ctx, cmds)
		}
		panic(errHook)
	}
}

// A hook runs in a goroutine of ours. When it panics, the caller does, as if it had run in that goroutine.
func TestAHookThatPanicsPanicsInTheCaller(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for _, share := range []int{0, 1} {
			c := own(t, rdb, Limits{ShareFrom: share, Hooks: []redis.Hook{panicking{}}})
			require.PanicsWithError(t, errHook.Error(), func() { _ = Run(t.Context(), c, Get("a")) })
			require.PanicsWithError(t, errHook.Error(), func() { _ = Run(t.Context(), c, Get("a"), Get("b"), Get("c")) })
		}
	})
}

// A server that is made a replica while it is walked is not walked on.
func TestAReplicaIsNotScanned(t *testing.T) {
	server, master := redistest.Start(t), redistest.Start(t)
	c := own(t, server.Client(t), Limits{})
	n, _ := c.Single()
	page, err := n.Scan(t.Context(), 0, "*", 10, "")
	require.NoError(t, err)
	_, err = n.Scan(t.Context(), 0, "*", 10, "another run")
	require.ErrorIs(t, err, ErrMoved)
	host, port, err := net.SplitHostPort(master.Addr())
	require.NoError(t, err)
	require.NoError(t, server.Client(t).ReplicaOf(t.Context(), host, port).Err())
	_, err = n.Scan(t.Context(), 0, "*", 10, page.Run)
	require.ErrorIs(t, err, ErrNotMaster)
	require.ErrorIs(t, Run(t.Context(), c, Get("a")), ErrNotMaster, "nor asked for anything else")
}

// A client that is used sees within two seconds that its address leads elsewhere, though its connections go on to work;
// and one that has rested sees it at once.
func TestAClientLooksWhereItsAddressLeads(t *testing.T) {
	p := newPlace(t)
	busy, idle := own(t, p.client(t), Limits{}), own(t, p.client(t), Limits{})
	require.Equal(t, p.one.Addr(), who(t, busy))
	require.Equal(t, p.one.Addr(), who(t, idle))
	rested := time.After(restFor)
	p.proxy.Redirect(p.other.Addr())
	began := time.Now()
	redistest.Eventually(t, "another server", func() bool { return who(t, busy) == p.other.Addr() })
	require.Less(t, time.Since(began), 2*time.Second)
	<-rested
	require.Equal(t, p.other.Addr(), who(t, idle))
}

// Nothing is sent after Close, and what was on its way has an outcome.
func TestClose(t *testing.T) {
	server := redistest.Start(t)
	c, err := Own(server.Client(t), Limits{Timeout: 10 * time.Second, ShareFrom: 2})
	require.NoError(t, err)
	require.NoError(t, Run(t.Context(), c, Get("a")))
	server.Pause()
	ended := make(chan error, 3)
	for range cap(ended) {
		go func() { ended <- Run(context.Background(), c, Get("a")) }()
	}
	redistest.Eventually(t, "commands on their way", func() bool { return c.busy.Load() == int64(cap(ended)) })
	require.NoError(t, c.Close())
	server.Resume()
	for range cap(ended) {
		require.Error(t, <-ended)
	}
	require.ErrorIs(t, Run(t.Context(), c, Get("a")), ErrClosed)
	require.ErrorIs(t, Run(t.Context(), c, Get("a"), Get("b")), ErrClosed)
	require.NoError(t, errors.Join(c.Close(), c.Close()))
}
