package store

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// Markers that are known to a node, so that nobody asks for them, stay alive as long as anything is loaded: otherwise
// all entries would be gone at once when they expire.
func TestMarkersStayAliveWhileThereAreLoads(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		if strings.HasSuffix(t.Name(), "miniredis") {
			t.Skip("its clock stands still")
		}
		st, err := Open(t.Context(), rdb, Namespace(redistest.Unique(t)), Timeout(5*time.Second), Logger(slog.New(slog.DiscardHandler)))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, st.Close()) })
		require.Eventually(t, func() bool { return st.Stats().Feed.Up }, 10*time.Second, time.Millisecond)
		p := st.Space("cache", 1, time.Minute)
		p.keep = 4 * time.Second
		load := func(key string) {
			ref := p.Ref(p.Key(key), nil)
			claim, _, err := p.Acquire(t.Context(), &ref, View{})
			require.NoError(t, err)
			require.NotNil(t, claim)
			_, err = claim.Fill(t.Context(), Result{Payload: []byte(key), TTL: time.Minute})
			require.NoError(t, err)
		}
		left := func() time.Duration {
			d, err := rdb.PTTL(t.Context(), p.All().addr).Result()
			require.NoError(t, err)
			return d
		}
		load("first")
		var generation string
		require.Eventually(t, func() bool { // until half of its time is over
			generation, err = rdb.Get(t.Context(), p.All().addr).Result()
			require.NoError(t, err)
			load(redistest.Unique(t))
			return p.whole.known.Load() != nil
		}, 10*time.Second, time.Millisecond)
		require.Eventually(t, func() bool { return left() < p.keep/2 }, 10*time.Second, 10*time.Millisecond)
		load("second")
		require.Greater(t, left(), p.keep/2)
		again, err := rdb.Get(t.Context(), p.All().addr).Result()
		require.NoError(t, err)
		require.Equal(t, generation, again)
	})
}
