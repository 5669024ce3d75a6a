package cacheable_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// texts loads values of so many bytes, and counts its calls.
func texts(bytes int, calls *atomic.Int64) func(context.Context, []string) (map[string]string, error) {
	return func(_ context.Context, keys []string) (map[string]string, error) {
		calls.Add(1)
		values := make(map[string]string, len(keys))
		for _, key := range keys {
			values[key] = key + strings.Repeat("x", bytes-len(key))
		}
		return values, nil
	}
}

func numberedKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprint("key ", i)
	}
	return keys
}

// However much a batch reads or stores, it is sent in parts that pass within the timeout of a command.
func TestGetAllOfThousands(t *testing.T) {
	for name, start := range map[string]func(t *testing.T) redis.UniversalClient{
		"single":  func(t *testing.T) redis.UniversalClient { return redistest.Start(t).Client(t) },
		"cluster": func(t *testing.T) redis.UniversalClient { return redistest.StartCluster(t).Client(t) },
	} {
		t.Run(name, func(t *testing.T) {
			rdb := start(t)
			for _, size := range []struct{ keys, bytes int }{{5_000, 1_000}, {10_000, 1_000}, {10_000, 10_000}, {40, 1_000_000}} {
				t.Run(fmt.Sprintf("%d of %d bytes", size.keys, size.bytes), func(t *testing.T) {
					st := open(t, rdb, store.Timeout(500*time.Millisecond))
					var calls atomic.Int64
					c := cacheable.NewMany(st, "texts", texts(size.bytes, &calls),
						cacheable.TagsOf(func(key string, _ string) []string { return []string{"tag " + key[len(key)-1:]} }))
					keys := numberedKeys(size.keys)
					for _, want := range []int64{1, 1} {
						got, err := c.GetAll(t.Context(), keys)
						require.NoError(t, err)
						require.Len(t, got, size.keys)
						require.Equal(t, want, calls.Load(), "loader calls")
					}
					require.Zero(t, st.Stats().Caches["texts"].RedisErrors)
				})
			}
		})
	}
}

// A part whose answer is lost is loaded together with the others. It does not keep the next call waiting either.
func TestALostPartIsLoadedWithTheOthers(t *testing.T) {
	const timeout = 300 * time.Millisecond
	for _, lost := range []struct{ name, command string }{{"read", "mget"}, {"take or fill", "evalsha"}} {
		t.Run(lost.name, func(t *testing.T) {
			var parts atomic.Int64
			late := redistest.Before(func(cmds []redis.Cmder) {
				if cmds[0].Name() == lost.command && (len(cmds) > 100 || lost.command == "mget") && parts.Add(1) == 2 {
					time.Sleep(2 * timeout)
				}
			})
			st := open(t, redistest.Start(t).Client(t), store.Timeout(timeout), store.Hooks(late))
			waitForFeed(t, st)
			var calls atomic.Int64
			c, keys := cacheable.NewMany(st, "texts", texts(100, &calls)), numberedKeys(5_000)
			got, err := c.GetAll(t.Context(), keys)
			require.NoError(t, err)
			require.Len(t, got, len(keys))
			require.EqualValues(t, 1, calls.Load())
			require.Greater(t, parts.Load(), int64(1), "a part was lost")
			time.Sleep(2 * timeout) // until what was late has arrived
			for range 2 {
				got, err = c.GetAll(t.Context(), keys)
				require.NoError(t, err)
				require.Len(t, got, len(keys))
			}
			require.LessOrEqual(t, calls.Load(), int64(2), "what was lost is loaded at once")
		})
	}
}

// Where Redis hangs, a batch waits for a few of its parts, not for all of them.
func TestABatchDoesNotWaitForEachPartOfAHungRedis(t *testing.T) {
	const timeout = 200 * time.Millisecond
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	rdb := redis.NewClient(&redis.Options{Addr: proxy.Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	st := open(t, rdb, store.Timeout(timeout))
	waitForFeed(t, st)
	var calls atomic.Int64
	c := cacheable.NewMany(st, "texts", texts(100, &calls))
	proxy.Hang()
	began := time.Now()
	got, err := c.GetAll(t.Context(), numberedKeys(20_000))
	took := time.Since(began)
	require.NoError(t, err)
	require.Len(t, got, 20_000)
	require.EqualValues(t, 1, calls.Load())
	require.Less(t, took, 12*timeout, "40 parts")
}
