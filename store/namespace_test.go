package store_test

import (
	"log/slog"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// Services that forget the namespace share one. Whoever names it, even like the default, knows.
func TestAStoreWithoutANamespaceSaysWhatThatMeans(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	lines := func(options ...store.Option) []redistest.Line {
		log := redistest.NewLog(slog.LevelInfo)
		st, err := store.Open(t.Context(), rdb, append(options, store.Logger(log.Logger()))...)
		require.NoError(t, err)
		require.NoError(t, st.Close())
		return log.At(slog.LevelInfo, "aside: the store is opened without store.Namespace")
	}
	for range 2 { // each store says it
		said := lines()
		require.Len(t, said, 1)
		require.Equal(t, "aside", said[0].Attr("namespace").String())
	}
	require.Empty(t, lines(store.Namespace("shop")))
	require.Empty(t, lines(store.Namespace("aside")))
}
