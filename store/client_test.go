package store_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// commandSpy is a hook that tells the names of the commands that pass.
type commandSpy func(name string)

func (s commandSpy) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s commandSpy) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		s(cmd.Name())
		return next(ctx, cmd)
	}
}

func (s commandSpy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			s(cmd.Name())
		}
		return next(ctx, cmds)
	}
}

// commands is a commandSpy that collects.
type commands struct {
	mu   sync.Mutex
	seen []string
}

func (c *commands) see(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, name)
}

// take returns what was seen so far, but for the store's housekeeping, and forgets it.
func (c *commands) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := slices.DeleteFunc(c.seen, func(name string) bool {
		return slices.Contains([]string{"time", "info", "set", "ping", "hello", "client"}, name)
	})
	c.seen = nil
	return seen
}

func TestHooksSeeCommands(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		var seen commands
		e := newEntry(t, rdb, store.Hooks(commandSpy(seen.see)))
		e.load("one")
		e.evict(e.Ref.Key) // from now on the server knows the scripts for this key
		seen.take()
		e.load("one")
		require.Contains(t, seen.take(), "evalsha")
		e.sees()
		require.Contains(t, [][]string{{"mget"}, {"get", "get"}, {"mget", "mget"}, {"get", "get", "get", "get"}}, seen.take())
		e.evict(e.Ref.Key, e.Ref.Key)
		require.Equal(t, []string{"evalsha", "evalsha"}, seen.take())
	})
}

// A hit costs one command for one key where the feed works.
func TestHitIsOneGet(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		if isMini(t) {
			t.Skip("it has no feed")
		}
		var seen commands
		st := open(t, rdb, store.Hooks(commandSpy(seen.see)))
		feedUp(t, st)
		e := entryOf(t, rdb, st, "key")
		e.load("one")
		require.Eventually(t, func() bool {
			seen.take()
			e.sees()
			return slices.Equal([]string{"get"}, seen.take())
		}, soon, often, "the versions become known")
	})
}

// The client given to Open is neither changed nor closed.
func TestGivenClientIsLeftAlone(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		options := func() any {
			switch rdb := rdb.(type) {
			case *redis.Client:
				o := *rdb.Options()
				o.Dialer, o.PushNotificationProcessor, o.OnConnect = nil, nil, nil
				return o
			case *redis.ClusterClient:
				o := *rdb.Options()
				o.NewClient, o.PushNotificationProcessor, o.ShardPicker = nil, nil, nil
				return o
			}
			return nil
		}
		before := options()
		st, err := store.Open(t.Context(), rdb, store.Namespace(redistest.Unique(t)))
		require.NoError(t, err)
		require.NoError(t, st.Close())
		require.Equal(t, before, options())
		require.NoError(t, rdb.Ping(t.Context()).Err())
	})
}

// Scripts that Redis forgets are sent again, also when only some calls of a pipeline need them.
func TestScriptsSurviveFlush(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		flush := func() {
			if cluster, ok := rdb.(*redis.ClusterClient); ok {
				require.NoError(t, cluster.ForEachMaster(t.Context(), func(ctx context.Context, node *redis.Client) error {
					return node.ScriptFlush(ctx).Err()
				}))
				return
			}
			require.NoError(t, rdb.ScriptFlush(t.Context()).Err())
		}
		e := newEntry(t, rdb, store.Strict())
		plain := entryOf(t, rdb, e.st, "plain")
		for range 2 {
			flush()
			lease := e.acquire()
			flush()
			require.True(t, e.fill(lease, "one"))
			flush()
			e.put("two")
			require.Equal(t, "value two", e.sees())
			flush()
			plain.load("one") // knows take and version afterwards
			e.evict(e.Ref.Key, e.st.Tag("tag"), plain.Ref.Key)
			e.load("three")
			flush()
			h := e.hold(e.Ref.Key, e.All())
			flush()
			e.end(h)
			require.Equal(t, "absent", e.sees())
		}
	})
}
