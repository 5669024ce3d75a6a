package store_test

import (
	"context"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// sentBy returns the names of the commands that were sent since it was called last, but for the store's housekeeping.
func sentBy(sent *redistest.Commands) []string {
	return sent.TakeNames("time", "info", "set", "ping", "hello", "client")
}

func TestHooksSeeCommands(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		var seen redistest.Commands
		e := newEntry(t, rdb, store.Hooks(seen.Hook()))
		e.load("one")
		e.evict(e.Ref.Key) // from now on the server knows the scripts for this key
		sentBy(&seen)
		e.load("one")
		require.Contains(t, sentBy(&seen), "evalsha")
		e.sees()
		require.Contains(t, [][]string{{"mget"}, {"get", "get"}, {"mget", "mget"}, {"get", "get", "get", "get"}}, sentBy(&seen))
		e.evict(e.Ref.Key, e.Ref.Key)
		require.Equal(t, []string{"evalsha", "evalsha"}, sentBy(&seen))
	})
}

// A hit costs one command for one key where the feed works.
func TestHitIsOneGet(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		if isMini(t) {
			t.Skip("it has no feed")
		}
		var seen redistest.Commands
		st := open(t, rdb, store.Hooks(seen.Hook()))
		feedUp(t, st)
		e := entryOf(t, rdb, st, "key")
		e.load("one")
		require.Eventually(t, func() bool {
			sentBy(&seen)
			e.sees()
			return slices.Equal([]string{"get"}, sentBy(&seen))
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
