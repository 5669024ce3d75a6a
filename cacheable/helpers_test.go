package cacheable_test

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

func openStore(t *testing.T, rdb redis.UniversalClient, options ...store.Option) *store.Store {
	t.Helper()
	return openIn(t, rdb, redistest.Unique(t), options...)
}

func openIn(t *testing.T, rdb redis.UniversalClient, namespace string, options ...store.Option) *store.Store {
	t.Helper()
	options = append([]store.Option{
		store.Namespace(namespace), store.Timeout(5 * time.Second), store.Logger(slog.New(slog.DiscardHandler)),
	}, options...)
	st, err := store.Open(t.Context(), rdb, options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	return st
}

func miniClient(t *testing.T) redis.UniversalClient {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	return rdb
}

func waitForFeed(t *testing.T, st *store.Store) {
	t.Helper()
	require.Eventually(t, func() bool { return st.Stats().Feed.Up }, 10*time.Second, time.Millisecond)
}

// tripCounter is a hook that counts round trips that read or write entries. The store makes others by itself, at any
// time: to check the masters, and with each new connection.
type tripCounter struct{ n atomic.Int64 }

func (c *tripCounter) option() store.Option { return store.Hooks(c) }

func (c *tripCounter) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (c *tripCounter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.count(cmd)
		return next(ctx, cmd)
	}
}

func (c *tripCounter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.count(cmds...)
		return next(ctx, cmds)
	}
}

func (c *tripCounter) count(cmds ...redis.Cmder) {
	if slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool {
		return slices.Contains([]string{"get", "mget", "eval", "evalsha"}, cmd.Name())
	}) {
		c.n.Add(1)
	}
}
