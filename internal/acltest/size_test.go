package acltest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
	"github.com/jollyjet/aside/store"
)

// The sizes in docs/operations.md: it prints the MEMORY USAGE of each kind of key.
func TestBytesInRedis(t *testing.T) {
	redistest.Require(t)
	p := single(t)
	rdb := p.admin(t).(*redis.Client)
	st, err := store.Open(t.Context(), rdb, store.Namespace("shop"))
	require.NoError(t, err)
	defer func() { require.NoError(t, st.Close()) }()
	values := cacheable.New(st, "product", func(_ context.Context, n int) (string, error) { return strings.Repeat("x", n), nil },
		cacheable.Tags(func(int) []string { return []string{"catalogue"} }))
	for _, n := range []int{0, 100, 1000} {
		_, err := values.Get(t.Context(), n)
		require.NoError(t, err)
		t.Logf("%4d bytes: an entry with one tag and %d bytes of JSON", bytesOf(t, rdb, values.EntryKey(n).String()), n+2)
	}
	version := bytesOf(t, rdb, st.Tag("catalogue").String())
	t.Logf("%4d bytes: the version of a tag", version)
	require.Less(t, version, int64(300))

	window, bucket := ratelimit.SlidingWindow(100, time.Minute), ratelimit.TokenBucket(100, 100)
	for name, policy := range map[string]ratelimit.Policy{
		"sliding": window, "strict": window.Strict(10), "bucket": bucket, "fixed": ratelimit.FixedWindow(100, time.Minute),
		"exact": window.Exact(), "concurrency": ratelimit.Concurrency(100, time.Minute),
		"sliding20": ratelimit.SlidingWindow(20, time.Minute),
	} {
		l := ratelimit.New(rdb, policy, ratelimit.Name(name))
		for {
			r, err := l.Allow(t.Context(), "user:42")
			require.NoError(t, err)
			if !r.Allowed {
				break
			}
		}
		require.NoError(t, l.Close())
		keys, err := rdb.Keys(t.Context(), "aside:rl:"+name+":*").Result()
		require.NoError(t, err)
		require.Len(t, keys, 1)
		t.Logf("%4d bytes: a limiter's key, %s, all permits taken", bytesOf(t, rdb, keys[0]), name)
	}
}

func bytesOf(t *testing.T, rdb *redis.Client, key string) int64 {
	t.Helper()
	n, err := rdb.MemoryUsage(t.Context(), key, 0).Result()
	require.NoError(t, err)
	require.Positive(t, n)
	return n
}
