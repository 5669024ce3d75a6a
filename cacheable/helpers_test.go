package cacheable_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

func openStore(t *testing.T, rdb redis.UniversalClient, options ...store.Option) *store.Store {
	t.Helper()
	return openIn(t, rdb, redistest.Unique(t), options...)
}

func openIn(t *testing.T, rdb redis.UniversalClient, namespace string, options ...store.Option) *store.Store {
	t.Helper()
	options = append([]store.Option{
		store.Namespace(namespace), store.Timeout(5 * time.Second), store.Logger(slog.New(slog.DiscardHandler)),
	}, options...)
	st, err := store.Open(t.Context(), rdb, options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	return st
}

func miniClient(t *testing.T) redis.UniversalClient {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	return rdb
}

func waitForFeed(t *testing.T, st *store.Store) {
	t.Helper()
	require.Eventually(t, func() bool { return st.Stats().Feed.Up }, 10*time.Second, time.Millisecond)
}

// trips is how many round trips read or wrote entries. The store makes others by itself, at any time.
func trips(sent *redistest.Commands) int { return sent.RoundTrips("get", "mget", "eval", "evalsha") }
