package ratelimit_test

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// A denial must not cost the replicas and the append-only file anything.
func TestDenialsDoNotWrite(t *testing.T) {
	server := redistest.Start(t, "appendonly yes", "appendfsync no", "auto-aof-rewrite-percentage 0")
	rdb := server.Client(t)
	for name, p := range policies() {
		l := open(t, rdb, p)
		_, err := l.AllowN(t.Context(), "k", 10)
		require.NoError(t, err, name)
		before := changes(t, rdb)
		for range 5 {
			r, err := l.Allow(t.Context(), "k")
			require.NoError(t, err, name)
			require.False(t, r.Allowed, name)
			_, err = l.Peek(t.Context(), "k")
			require.NoError(t, err, name)
		}
		require.Equal(t, before, changes(t, rdb), name)
	}
}

func changes(t *testing.T, rdb *redis.Client) string {
	t.Helper()
	info, err := rdb.InfoMap(t.Context(), "persistence").Result()
	require.NoError(t, err)
	size := info["Persistence"]["aof_current_size"]
	require.NotEmpty(t, size)
	return size + "/" + info["Persistence"]["rdb_changes_since_last_save"]
}
