package redistest

import (
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestEach(t *testing.T) {
	var mu sync.Mutex
	ran := map[string]bool{}
	Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		key := Unique(t) + ":k"
		require.NoError(t, rdb.Set(t.Context(), key, "v", 0).Err())
		require.Equal(t, "v", rdb.Get(t.Context(), key).Val())
		_, clustered := rdb.(*redis.ClusterClient)
		mu.Lock()
		ran[t.Name()] = clustered
		mu.Unlock()
	})
	require.Contains(t, ran, "TestEach/miniredis")
	if len(ran) == 3 {
		require.True(t, ran["TestEach/cluster"])
		require.False(t, ran["TestEach/single"])
	}
}

// Two parallel users get the same servers, started once.
func TestEachInParallel(t *testing.T) {
	for range 2 {
		t.Run("user", func(t *testing.T) {
			t.Parallel()
			Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				t.Parallel()
				ns := Unique(t)
				for range 20 {
					require.NoError(t, rdb.Incr(t.Context(), ns).Err())
				}
				require.Equal(t, "20", rdb.Get(t.Context(), ns).Val())
			})
		})
	}
}

func TestUnique(t *testing.T) {
	t.Run("With Odd_Chars/ÄÖ and a "+strings.Repeat("long ", 40)+"name", func(t *testing.T) {
		a, b := Unique(t), Unique(t)
		require.NotEqual(t, a, b)
		require.Regexp(t, `^testunique-with-odd-chars[a-z0-9-]*-[0-9]+$`, a)
		require.LessOrEqual(t, len(a), maxUnique+10)
	})
}

func TestSharedServersNeedMain(t *testing.T) {
	Require(t)
	var s sharedServers
	_, err := s.server()
	require.ErrorIs(t, err, errNoMain)
	_, err = s.cluster()
	require.ErrorIs(t, err, errNoMain)
	require.NoError(t, s.close())
}

func TestSharedServersStop(t *testing.T) {
	Require(t)
	checkLeaks(t)
	var s sharedServers
	require.NoError(t, s.open())
	root := s.root
	one, err := s.server()
	require.NoError(t, err)
	again, err := s.server()
	require.NoError(t, err)
	require.Same(t, one, again)
	require.NoError(t, s.close())
	require.Zero(t, one.Pid())
	_, err = os.Stat(root)
	require.ErrorIs(t, err, os.ErrNotExist)
}
