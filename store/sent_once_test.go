package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// scripts counts the scripts that a server has run.
func scripts(t *testing.T, s *redistest.Server) (n int) {
	t.Helper()
	info, err := s.Do(t.Context(), "INFO", "commandstats")
	require.NoError(t, err)
	for line := range strings.Lines(fmt.Sprint(info)) {
		var calls int
		if _, err := fmt.Sscanf(line, "cmdstat_evalsha:calls=%d,", &calls); err == nil {
			n += calls
		}
	}
	return n
}

// A script whose reply does not come is not sent again: when the first arrives after all, it may have been overtaken
// by an eviction, and a lease that is taken a second time would let a load be stored that began before.
func TestScriptIsSentOnce(t *testing.T) {
	for _, tt := range []struct {
		name  string
		start func(t *testing.T) (rdb redis.UniversalClient, of func(key string) *redistest.Server)
	}{
		{"single", func(t *testing.T) (redis.UniversalClient, func(string) *redistest.Server) {
			s := redistest.Start(t)
			return s.Client(t), func(string) *redistest.Server { return s }
		}},
		{"cluster", func(t *testing.T) (redis.UniversalClient, func(string) *redistest.Server) {
			c := redistest.StartCluster(t, "cluster-node-timeout 60000")
			return c.Client(t), func(key string) *redistest.Server { return c.MasterFor(t, key) }
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rdb, serverOf := tt.start(t)
			// Its connections are idle when the feed is up, and stay so: a command that needs another one is not sent at all.
			st := open(t, rdb, store.Timeout(300*time.Millisecond), store.LookAround(time.Hour))
			feedUp(t, st)
			e := entryOf(t, rdb, st, "key")
			e.elsewhere().load("so that every server has the scripts") // by a store with more patience
			server := serverOf(e.addr())
			require.NoError(t, st.Evict(t.Context(), e.Ref.Key, e.Ref.Key))           // pipelines have connections of their own
			for _, keys := range [][]store.Key{{e.Ref.Key}, {e.Ref.Key, e.Ref.Key}} { // a single one and a pipeline
				resume := st.SuspendReplay()
				before := scripts(t, server)
				server.Pause()
				began := time.Now()
				err := st.Evict(t.Context(), keys...)
				took := time.Since(began)
				server.Resume()
				require.ErrorIs(t, err, store.ErrQueued)
				require.Less(t, took, 3*time.Second, "the timeout is 300 ms")
				ran := func() int { return scripts(t, server) - before }
				require.Eventually(t, func() bool { return ran() >= len(keys) }, soon, often)
				require.Never(t, func() bool { return ran() > len(keys) }, 200*time.Millisecond, 20*time.Millisecond)
				resume()
				require.Eventually(t, func() bool { return st.Stats().Pending == 0 }, soon, often)
			}
		})
	}
}
