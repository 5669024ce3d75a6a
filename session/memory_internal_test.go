package session

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// Measures the memory of a session with a user, including its entry in the user's set and Redis's own tables.
func TestMemoryPerSession(t *testing.T) {
	server := redistest.Start(t)
	rdb := server.Client(t)
	m := New[string](rdb, Timeout(10*time.Second))
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	measure := func() int64 {
		info, err := rdb.InfoMap(t.Context(), "memory").Result()
		require.NoError(t, err)
		n, err := redis.NewStringResult(info["Memory"]["used_memory"], nil).Int64()
		require.NoError(t, err)
		return n
	}
	const users, each = 500, 4
	for i, size := range []int{0, 0, 300} {
		before := measure()
		for range users {
			user := rand16()
			for range each {
				ctx := m.Attach(t.Context(), "")
				require.NoError(t, m.Login(ctx, user))
				require.NoError(t, m.Update(ctx, func(v *string) error { *v = strings.Repeat("x", size); return nil }))
			}
		}
		per := (measure() - before) / (users * each)
		if i == 0 {
			continue // includes what the server allocates once, such as for the scripts
		}
		t.Logf("%d bytes in Redis for a session of a user with %d bytes of data", per, size)
		require.Less(t, per, int64(size)+500)
	}
}

func rand16() string {
	tok := newToken()
	return tok.handle()
}
