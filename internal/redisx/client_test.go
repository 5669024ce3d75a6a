package redisx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// watcher records which servers connections reach.
type watcher struct {
	mu    sync.Mutex
	met   map[string][]Identity
	blind []error
}

func (w *watcher) Met(addr string, id Identity) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.met == nil {
		w.met = make(map[string][]Identity)
	}
	w.met[addr] = append(w.met[addr], id)
}

func (w *watcher) Blind(_ string, cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blind = append(w.blind, cause)
}

func (w *watcher) seen() (met map[string][]Identity, blind []error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.met), slices.Clone(w.blind)
}

// Every server says who it is before a reply of it is used. miniredis does not say.
func TestEveryServerIsAskedWhoItIs(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		prefix, w := redistest.Unique(t), &watcher{}
		c := own(t, rdb, Limits{ShareFrom: 2, Watcher: w})
		var busy sync.WaitGroup
		for i := range 20 {
			busy.Go(func() {
				key := fmt.Sprint(prefix, i)
				assert.NoError(t, Run(t.Context(), c, Get(key), &Call{Name: "set", Key: key, Args: []any{"x", "px", 60_000}}))
				met, blind := w.seen()
				n, err := c.NodeFor(t.Context(), key)
				assert.NoError(t, err)
				assert.NotEmpty(t, append(blind, make([]error, len(met[n.Addr()]))...))
			})
		}
		busy.Wait()
		met, blind := w.seen()
		for _, cause := range blind {
			require.Error(t, cause)
			require.Empty(t, met)
		}
		for _, ids := range met {
			for _, id := range ids {
				require.Equal(t, ids[0], id)
				require.NotEmpty(t, id.Run)
				require.NotEmpty(t, id.History)
			}
		}
	})
}

// A connection to a master that Sentinel has named is not kept idle for longer than a failover takes.
func TestConnectionsBehindSentinelDoNotRest(t *testing.T) {
	behind := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "m", SentinelAddrs: []string{"127.0.0.1:1"}})
	alone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	hasty := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: "m", SentinelAddrs: []string{"127.0.0.1:1"}, ConnMaxIdleTime: time.Millisecond,
	})
	for want, given := range map[time.Duration]*redis.Client{time.Second: behind, alone.Options().ConnMaxIdleTime: alone, time.Millisecond: hasty} {
		t.Cleanup(func() { require.NoError(t, given.Close()) })
		node, ok := own(t, given, Limits{}).Single()
		require.True(t, ok)
		require.Equal(t, want, node.rdb.Options().ConnMaxIdleTime)
	}
	require.True(t, strings.HasPrefix(behind.Options().Addr, sentinelAddr))
}

// However often connecting has failed, the first command after the server is back succeeds.
func TestThePoolTriesToConnectWheneverItHasTo(t *testing.T) {
	for name, given := range map[string]func(addr string) redis.UniversalClient{
		"single": func(addr string) redis.UniversalClient { return redis.NewClient(&redis.Options{Addr: addr}) },
		"cluster": func(addr string) redis.UniversalClient {
			return redis.NewClusterClient(&redis.ClusterOptions{ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) {
				return []redis.ClusterSlot{{Start: 0, End: 16383, Nodes: []redis.ClusterNode{{Addr: addr}}}}, nil
			}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			proxy := redistest.StartProxy(t, server.Addr())
			rdb := given(proxy.Addr())
			t.Cleanup(func() { require.NoError(t, rdb.Close()) })
			c := own(t, rdb, Limits{})
			require.NoError(t, Run(t.Context(), c, Get("a")))
			proxy.Cut()
			for range 200 {
				err := Run(t.Context(), c, Get("a"))
				require.Error(t, err)
				_, ok := errors.AsType[net.Error](err)
				require.True(t, ok || errors.Is(err, io.EOF), "%v", err)
			}
			proxy.Heal()
			require.NoError(t, Run(t.Context(), c, Get("a")))
		})
	}
}

// Nothing is sent after Close, and commands in flight have an outcome.
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
	redistest.Eventually(t, "commands in flight", func() bool { return c.sharing.busy.Load() == int64(cap(ended)) })
	require.NoError(t, c.Close())
	server.Resume()
	for range cap(ended) {
		require.Error(t, <-ended)
	}
	require.ErrorIs(t, Run(t.Context(), c, Get("a")), ErrClosed)
	require.ErrorIs(t, Run(t.Context(), c, Get("a"), Get("b")), ErrClosed)
	require.NoError(t, errors.Join(c.Close(), c.Close()))
}
