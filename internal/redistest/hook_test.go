package redistest

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestCommandsAreRecorded(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: Mini(t).Addr()})
	closeLater(t, rdb)
	seen := &Commands{Args: true}
	rdb.AddHook(seen.Hook())
	require.NoError(t, rdb.Ping(t.Context()).Err())
	seen.TakeNames()

	require.NoError(t, rdb.Set(t.Context(), "k", "v", 0).Err())
	_, err := rdb.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		p.Get(t.Context(), "k")
		p.Get(t.Context(), "k")
		return p.Ping(t.Context()).Err()
	})
	require.NoError(t, err)
	require.Equal(t, 3, seen.Count("get", "set"))
	require.Equal(t, 2, seen.RoundTrips("get", "set"))
	texts := seen.TakeTexts("ping", "hello", "client")
	require.Len(t, texts, 3)
	require.Contains(t, texts[0], "set k v")
	require.Empty(t, seen.TakeNames("hello", "client"), "they are forgotten")
}

func TestAHookCanRefuse(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: Mini(t).Addr()})
	closeLater(t, rdb)
	refused := errors.New("refused")
	rdb.AddHook(Hook(func(context.Context, []redis.Cmder, func() error) error { return refused }))
	require.ErrorIs(t, rdb.Set(t.Context(), "k", "v", 0).Err(), refused)
}
