package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// Versions that are known to a node, so that nobody asks for them, stay alive as long as anything is loaded: otherwise
// all entries would be gone at once when they expire.
func TestVersionsStayAliveWhileThereAreLoads(t *testing.T) {
	const keep = 4 * time.Second
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		if isMini(t) {
			t.Skip("its clock stands still")
		}
		var sent redistest.Commands
		e := newEntry(t, rdb, store.KeepVersions(keep), store.Hooks(sent.Hook()))
		feedUp(t, e.st)
		cache := e.st.Engine().Entries.Cache("cache", schema, time.Second) // it wants its version for keep, not for two hours
		all := cache.All().String()
		short := entry.Contents{Payload: []byte("value"), TTL: keep / 2} // longer ones want their versions for longer
		load := func() {
			one := entryOf(t, rdb, e.st, redistest.Unique(t))
			one.Cache = cache
			stored, err := one.acquire().Store(t.Context(), short)
			require.NoError(t, err)
			require.True(t, stored)
		}
		left := func() time.Duration {
			d, err := rdb.PTTL(t.Context(), all).Result()
			require.NoError(t, err)
			return d
		}
		version := func() string {
			v, err := rdb.Get(t.Context(), all).Result()
			require.NoError(t, err)
			return v
		}
		untagged := entryOf(t, rdb, e.st, "untagged")
		untagged.Cache = cache
		stored, err := untagged.acquire().Store(t.Context(), short)
		require.NoError(t, err)
		require.True(t, stored)
		require.Eventually(t, func() bool { // until the node believes the version and does not ask for it
			load()
			sentBy(&sent)
			untagged.read()
			return strings.Join(sentBy(&sent), " ") == "get"
		}, 2*soon, often)
		first := version()
		require.Eventually(t, func() bool { return left() < keep/2 }, soon, 10*time.Millisecond)
		load()
		require.Greater(t, left(), keep/2)
		require.Equal(t, first, version())
	})
}
