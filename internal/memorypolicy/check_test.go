package memorypolicy_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/background"
	"github.com/jollyjet/aside/internal/memorypolicy"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/internal/redisx"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// check returns a check, and a function that waits until it has looked.
func check(t *testing.T, rdb redis.UniversalClient, lines *redistest.Log, loss string) (*memorypolicy.Check, func()) {
	t.Helper()
	own, err := redisx.Own(rdb, redisx.Limits{Timeout: 10 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, own.Close()) })
	group := background.New(func(_ string, v any) { t.Error(v) })
	return &memorypolicy.Check{Client: own, Go: group.Go, Log: lines.Logger(), Loss: loss}, func() {
		group.Stop()
		group.Wait()
	}
}

func TestADroppingRedisIsLoggedOnce(t *testing.T) {
	for policy, said := range map[string]int{
		"allkeys-random": 1, "allkeys-lru": 1, "volatile-ttl": 1, "noeviction": 0,
	} {
		rdb := redistest.Start(t, "maxmemory 100mb", "maxmemory-policy "+policy).Client(t)
		lines := redistest.NewLog(slog.LevelInfo)
		for range 3 {
			c, wait := check(t, rdb, lines, "limits let more through")
			for range 3 {
				c.Used()
			}
			wait()
		}
		require.Len(t, lines.With("drops keys"), said, policy)
		c, wait := check(t, rdb, lines, "sessions end")
		c.Used()
		wait()
		require.Len(t, lines.With("and then sessions end"), said, policy)
	}
}

func TestNothingIsDroppedWithoutALimit(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		lines := redistest.NewLog(slog.LevelInfo)
		c, wait := check(t, rdb, lines, "x")
		c.Used()
		wait()
		require.Empty(t, lines.With(""))
	})
}

// A Redis that does not answer is asked again at the next use. One that refuses is not.
func TestARedisThatDoesNotSay(t *testing.T) {
	server := redistest.Start(t, "maxmemory 100mb", "maxmemory-policy allkeys-lru")
	rdb, lines := server.Client(t), redistest.NewLog(slog.LevelInfo)
	server.Kill()
	c, wait := check(t, rdb, lines, "x")
	used := make(chan struct{}, 10)
	run := c.Go
	c.Go = func(what string, f func(context.Context)) bool {
		return run(what, func(ctx context.Context) { f(ctx); used <- struct{}{} })
	}
	c.Used()
	<-used
	server.Restart()
	c.Used()
	<-used
	require.Len(t, lines.With("drops keys"), 1)
	wait()

	_, err := server.Do(t.Context(), "ACL", "SETUSER", "default", "-info")
	require.NoError(t, err)
	c, wait = check(t, rdb, lines, "y")
	c.Used()
	wait()
	c.Go = func(string, func(context.Context)) bool { panic("it refused") }
	c.Used()
	require.Len(t, lines.With("drops keys"), 1)
}
