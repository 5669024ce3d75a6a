package store_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

const (
	queueing = "aside: Redis could not be told of evictions"
	replayed = "aside: all queued evictions are carried out"
	tooMany  = "aside: too many evictions queued"
)

// However many evictions fail, an outage is two lines: its beginning and its end.
func TestAnOutageIsLoggedOnceForAllEvictions(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		log := redistest.NewLog(slog.LevelInfo)
		e := newEntry(t, rdb, store.Logger(log.Logger()))
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for outage := 1; outage <= 2; outage++ {
			resume := e.st.SuspendReplay()
			for range 10 {
				require.ErrorIs(t, e.st.Evict(gone, e.Cache.Key("a"), e.Cache.Key("b")), store.ErrQueued)
			}
			_, err := e.Put(gone, &e.Ref, result("x"))
			require.Error(t, err)
			begins := log.At(slog.LevelWarn, queueing)
			require.Len(t, begins, outage)
			require.EqualValues(t, 2, begins[outage-1].Attr("keys").Int64())
			cause, _ := begins[outage-1].Attr("cause").Any().(error)
			require.ErrorIs(t, cause, context.Canceled)
			require.Len(t, log.At(slog.LevelInfo, replayed), outage-1)

			resume()
			require.Eventually(t, func() bool { return len(log.At(slog.LevelInfo, replayed)) == outage }, soon, often)
			end := log.At(slog.LevelInfo, replayed)[outage-1]
			require.EqualValues(t, 21, end.Attr("queued").Int64())
			require.EqualValues(t, 3, end.Attr("replayed").Int64(), "each key once")
			require.EqualValues(t, 0, e.st.Stats().Pending)
		}
	})
}

func TestTooManyEvictionsAreLoggedOnceInAnOutage(t *testing.T) {
	log := redistest.NewLog(slog.LevelInfo)
	e := newEntry(t, redistest.Start(t).Client(t), store.Logger(log.Logger()), store.QueueLimit(1))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	resume := e.st.SuspendReplay()
	for range 5 {
		require.ErrorIs(t, e.st.Evict(gone, e.Cache.Key("a"), e.Cache.Key("b")), store.ErrQueued)
	}
	require.Len(t, log.At(slog.LevelError, tooMany), 1)
	require.EqualValues(t, 1, e.st.Stats().Overflows)
	require.EqualValues(t, 1, e.st.Stats().Pending, "of everything")
	resume()
	require.Eventually(t, func() bool { return e.st.Stats().Pending == 0 }, soon, often)
}

// A store that is closed has nothing to repeat, so it does not promise that it will.
func TestEvictionsAfterCloseAreNotLogged(t *testing.T) {
	log := redistest.NewLog(slog.LevelInfo)
	st, err := store.Open(t.Context(), redistest.Start(t).Client(t), store.Namespace("n"), store.Logger(log.Logger()))
	require.NoError(t, err)
	require.NoError(t, st.Close())
	require.ErrorIs(t, st.Evict(t.Context(), st.Tag("a")), store.ErrClosed)
	require.Empty(t, log.With(""))
}

// A server that does not know CLIENT TRACKING is mentioned once, with what follows.
func TestAServerWithoutTrackingIsMentionedOnce(t *testing.T) {
	var tries atomic.Int64 // a connection for each, and the few of the pool
	rdb := redis.NewClient(&redis.Options{
		Addr:      redistest.Mini(t).Addr(),
		OnConnect: func(context.Context, *redis.Conn) error { tries.Add(1); return nil },
	})
	t.Cleanup(func() { _ = rdb.Close() })
	log := redistest.NewLog(slog.LevelInfo)
	st := open(t, rdb, store.Logger(log.Logger()), store.FeedRetry(time.Millisecond)) // it is tried every 120 ms
	refusal := func() error {
		lines := log.At(slog.LevelWarn, "aside: this Redis does not offer CLIENT TRACKING, so there is no invalidation feed; evict.All, evict.Everything")
		if len(lines) != 1 {
			return nil
		}
		cause, _ := lines[0].Attr("cause").Any().(error)
		return cause
	}
	require.Eventually(t, func() bool { return refusal() != nil }, soon, often)
	require.False(t, st.Stats().Feed.Up)
	before := tries.Load()
	require.Eventually(t, func() bool { return tries.Load() >= before+3 }, soon, often)
	require.Len(t, log.With(""), 2)
	require.Len(t, log.At(slog.LevelWarn, "aside: this Redis does not say in INFO who it is"), 1)
	require.True(t, st.Stats().Recovery.Blind)
	var answer redis.Error
	require.True(t, errors.As(refusal(), &answer), "it is the server's answer: %v", refusal())
}

// A feed that breaks and comes back is two lines.
func TestAFeedThatBreaksAndComesBackIsLogged(t *testing.T) {
	server, log := redistest.Start(t), redistest.NewLog(slog.LevelInfo)
	st := open(t, server.Client(t), store.Logger(log.Logger()), store.FeedRetry(20*time.Millisecond))
	feedUp(t, st)
	require.Empty(t, log.With(""))
	_, err := server.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return st.Stats().Feed.Drops == 1 && st.Stats().Feed.Up }, soon, often)
	require.Eventually(t, func() bool { return len(log.At(slog.LevelInfo, "aside: the invalidation feed works again")) == 1 }, soon, often)
	require.Len(t, log.At(slog.LevelWarn, "aside: the invalidation feed is interrupted"), 1)
	require.Positive(t, st.Stats().Feed.Lag)
}
