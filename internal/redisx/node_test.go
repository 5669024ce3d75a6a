package redisx

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// watcher takes note of what it is told.
type watcher struct {
	mu     sync.Mutex
	events []string
	keys   map[any]bool
	refuse error
}

func (w *watcher) note(event string, cmds ...redis.Cmder) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if event != "" {
		w.events = append(w.events, event)
	}
	for _, cmd := range cmds {
		if cmd.Name() == "get" && cmd.Err() == nil {
			w.keys[cmd.Args()[1]] = true
		}
	}
}

func (w *watcher) Connected(ctx context.Context, cn *redis.Conn) error {
	if w.refuse != nil {
		return w.refuse
	}
	w.note("connected")
	return cn.Ping(ctx).Err()
}

func (w *watcher) DialHook(next redis.DialHook) redis.DialHook { return next }

func (w *watcher) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		w.note("", cmd)
		return err
	}
}

func (w *watcher) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		w.note("", cmds...)
		return err
	}
}

// watchers are one for each address.
type watchers struct {
	mu     sync.Mutex
	byAddr map[string]*watcher
	refuse error
}

func (w *watchers) node(addr string) Node {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byAddr[addr] == nil {
		w.byAddr[addr] = &watcher{keys: map[any]bool{}, refuse: w.refuse}
	}
	return w.byAddr[addr]
}

// Each node has a watcher that is told of its connections, before the user is, and that sees every reply of it: alone, in
// a pipeline, or in one that callers share.
func TestEachNodeIsWatched(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		prefix, batches := redistest.Unique(t), [][]string{{"alone"}, {"a", "b", "c", "d"}}
		for i := range 20 {
			batches = append(batches, []string{fmt.Sprint("one-", i), fmt.Sprint("two-", i)})
		}
		for _, key := range slices.Concat(batches...) {
			require.NoError(t, rdb.Set(t.Context(), prefix+key, "x", time.Minute).Err())
		}
		var mu sync.Mutex
		told := 0
		w := &watchers{byAddr: map[string]*watcher{}}
		users := func(context.Context, *redis.Conn) error {
			mu.Lock()
			defer mu.Unlock()
			told++
			return nil
		}
		switch given := rdb.(type) {
		case *redis.Client:
			given.Options().OnConnect = users
		case *redis.ClusterClient:
			given.Options().OnConnect = users
		}
		c := own(t, rdb, Limits{ShareFrom: 2, Node: w.node})
		read := func(keys []string) {
			calls := make([]*Call, len(keys))
			for i, key := range keys {
				calls[i] = Get(prefix + key)
			}
			assert.NoError(t, Run(t.Context(), c, calls...))
		}
		read(batches[0])
		read(batches[1])
		var busy sync.WaitGroup
		for _, keys := range batches[2:] {
			busy.Go(func() { read(keys) })
		}
		busy.Wait()

		seen, connections := map[any]bool{}, 0
		for addr, one := range w.byAddr {
			if _, ok := rdb.(*redis.Client); ok {
				require.Equal(t, rdb.(*redis.Client).Options().Addr, addr)
			}
			one.mu.Lock()
			connections += len(one.events)
			for key := range one.keys {
				seen[key] = true
			}
			one.mu.Unlock()
		}
		require.Len(t, seen, 1+4+40)
		mu.Lock()
		defer mu.Unlock()
		require.Positive(t, connections)
		require.Equal(t, connections, told)
	})
}

func TestAConnectionThatIsRefusedIsNotUsed(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		w := &watchers{byAddr: map[string]*watcher{}, refuse: errors.New("not this one")}
		c := own(t, rdb, Limits{Node: w.node})
		require.ErrorContains(t, Run(t.Context(), c, Get("a")), "not this one")
	})
}

// A connection to a master that Sentinel has named is not kept for longer than a failover takes.
func TestConnectionsBehindSentinelDoNotRest(t *testing.T) {
	behind := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "m", SentinelAddrs: []string{"127.0.0.1:1"}})
	alone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	hasty := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: "m", SentinelAddrs: []string{"127.0.0.1:1"}, ConnMaxIdleTime: time.Millisecond,
	})
	for want, given := range map[time.Duration]*redis.Client{time.Second: behind, alone.Options().ConnMaxIdleTime: alone, time.Millisecond: hasty} {
		t.Cleanup(func() { require.NoError(t, given.Close()) })
		node, ok := own(t, given, Limits{}).Node()
		require.True(t, ok)
		require.Equal(t, want, node.Options().ConnMaxIdleTime)
	}
	require.True(t, strings.HasPrefix(behind.Options().Addr, sentinelAddr))
}

// However often nobody was there to connect to, the first command after somebody is succeeds.
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
