package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// What becomes of evictions on a Cluster, which is a broken one in the end.
func TestEvictionsOnACluster(t *testing.T) {
	cluster := redistest.StartCluster(t, "cluster-require-full-coverage no")
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, cluster *redistest.Cluster)
	}{
		{"they wait for replicas", waitForReplicas},
		{"one master is away", oneMasterAway},
		{"a replica is promoted once more", promotedOnceMore},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.do(t, cluster) })
	}
}

// lost is a context with which nothing reaches Redis.
func lost() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// A hold that is to stay after the write is placed by the repetition for the time that is left of it, and not at all when
// that is over.
func TestAQueuedHoldStaysForTheTimeThatIsLeft(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEntry(t, rdb)
		other := e.elsewhere()
		for name, key := range map[string]store.Key{"entry": e.Ref.Key, "tag": e.st.Tag("tag")} {
			endLost := func(stay time.Duration) (ended time.Time) {
				e.load("old")
				h := e.hold(key)
				resume := e.st.SuspendReplay()
				ended = time.Now()
				require.ErrorIs(t, h.End(lost(), stay), store.ErrQueued)
				resume()
				require.Eventually(t, func() bool { return e.st.Stats().Pending == 0 }, soon, often)
				return ended
			}
			endLost(time.Minute)
			require.Equal(t, "held", e.sees(), name)
			require.Equal(t, "held", other.sees(), name)
			left, err := rdb.PTTL(t.Context(), key.String()).Result()
			require.NoError(t, err)
			require.Greater(t, left, 30*time.Second)
			require.LessOrEqual(t, left, time.Minute)
			require.NoError(t, rdb.Del(t.Context(), key.String()).Err())
			if isMini(t) {
				continue // its clock stands still
			}

			const stay = 400 * time.Millisecond
			ended := endLost(stay)
			require.Eventually(t, func() bool { return other.sees() != "held" }, soon, often)
			require.GreaterOrEqual(t, time.Since(ended), stay-2*time.Millisecond)
			require.NotEqual(t, "value old", other.sees())
		}

		h := e.hold(e.Ref.Key)
		resume := e.st.SuspendReplay()
		require.ErrorIs(t, h.End(lost(), 10*time.Millisecond), store.ErrQueued)
		time.Sleep(20 * time.Millisecond) // for longer than the stay
		h = e.hold(e.Ref.Key)             // of another writer
		resume()
		require.Eventually(t, func() bool { return e.st.Stats().Pending == 0 }, soon, often)
		require.Equal(t, "held", e.sees(), "only by the other writer")
		e.end(h)
		require.Equal(t, "absent", e.sees(), "the first hold has ended although it could have lasted for longer")
	})
}

// When Redis is away for too long, the evictions that wait become one of everything.
func TestEvictionsThatWaitForTooLong(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	rdb := redis.NewClient(&redis.Options{Addr: proxy.Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	e := newEntry(t, rdb, store.QueueAge(100*time.Millisecond))
	other := entryOf(t, server.Client(t), e.elsewhere().st, "unrelated")
	other.load("value")

	proxy.Cut()
	resume := e.st.SuspendReplay()
	require.ErrorIs(t, e.st.Evict(t.Context(), e.Cache.Key("a"), e.Cache.Key("b")), store.ErrQueued)
	require.EqualValues(t, 2, e.st.Stats().Pending)
	resume()
	require.Eventually(t, func() bool { return e.st.Stats().Overflows == 1 }, soon, often)
	require.EqualValues(t, 1, e.st.Stats().Pending, "of everything")
	require.Greater(t, e.st.Stats().Recovery.PendingFor, 100*time.Millisecond)
	require.Equal(t, "held", e.sees())
	proxy.Heal()
	require.Eventually(t, func() bool { return e.st.Stats().Pending == 0 }, soon, often)
	require.Zero(t, e.st.Stats().Recovery.PendingFor)
	other.eventually("evicted")
	require.EqualValues(t, 1, e.st.Stats().Overflows)
}

// A master that does not answer does not keep the evictions for others waiting, however many there are for it.
func oneMasterAway(t *testing.T, cluster *redistest.Cluster) {
	st := open(t, cluster.Client(t), store.Timeout(100*time.Millisecond))
	keyOf := st.Engine().Entries.Cache("c", 1, time.Hour).Key // tags need the master of their group as well
	away := cluster.MasterFor(t, keyOf("0").String())
	rdb := cluster.Client(t)
	var there, gone []store.Key
	for i := range 3000 {
		key := keyOf(fmt.Sprint(i))
		node, err := rdb.MasterForKey(t.Context(), key.String())
		require.NoError(t, err)
		if node.Options().Addr == away.Addr() {
			gone = append(gone, key)
		} else if len(there) < 10 {
			there = append(there, key)
		}
	}
	require.Greater(t, len(gone), 512)
	resume := st.SuspendReplay()
	require.ErrorIs(t, st.Evict(lost(), append(gone, there...)...), store.ErrQueued)
	away.Pause()
	defer away.Resume()
	resume()
	require.Eventually(t, func() bool { return st.Stats().Pending <= int64(len(gone)) }, soon, often) // less once its replica has taken over
	away.Resume()
	require.Eventually(t, func() bool { return st.Stats().Pending == 0 }, soon, often)
}

// Close says what it could not deliver, also as an error of its own type.
func TestCloseSaysWhatIsLeft(t *testing.T) {
	server := redistest.Start(t)
	st, err := store.Open(t.Context(), server.Client(t), store.Namespace("n"), store.Timeout(100*time.Millisecond), store.Logger(quiet))
	require.NoError(t, err)
	server.Kill()
	require.ErrorIs(t, st.Evict(t.Context(), st.Tag("a"), st.Tag("b")), store.ErrQueued)
	err = st.Close()
	require.ErrorIs(t, err, store.ErrUndrained)
	var left *store.UndrainedError
	require.True(t, errors.As(err, &left))
	require.Equal(t, store.UndrainedError{Evictions: 2}, *left)
	require.EqualError(t, err, "store: closed with work left: loads still running: false, evictions not delivered: 2")
	require.NoError(t, st.Close())
	require.NoError(t, st.Shutdown(t.Context()))
	server.Restart()
}

// The last try does not heed a breaker that is open because Redis was away a moment ago.
func TestCloseTriesOnceMoreWhateverTheBreakerSays(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	rdb := redis.NewClient(&redis.Options{Addr: proxy.Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	for range 5 {
		st, err := store.Open(t.Context(), rdb, store.Namespace("n"), store.Timeout(5*time.Second), store.BreakAfter(1), store.Logger(quiet))
		require.NoError(t, err)
		proxy.Cut()
		require.ErrorIs(t, st.Evict(t.Context(), st.Tag("a")), store.ErrQueued)
		require.NotEmpty(t, st.Stats().Breakers.Open)
		proxy.Heal()
		require.NoError(t, st.Close())
	}
}

// Shutdown waits for loads and evictions no longer than its context.
func TestShutdownEndsWithItsContext(t *testing.T) {
	server := redistest.Start(t)
	st, err := store.Open(t.Context(), server.Client(t), store.Namespace("n"), store.DrainTime(time.Hour), store.Timeout(100*time.Millisecond), store.Logger(quiet))
	require.NoError(t, err)
	server.Pause()
	defer server.Resume()
	require.ErrorIs(t, st.Evict(t.Context(), st.Tag("a")), store.ErrQueued)
	finish, finished := make(chan struct{}), make(chan struct{})
	require.True(t, st.Engine().Life.Load(func() { <-finish; close(finished) }))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	err = st.Shutdown(ctx)
	require.Less(t, time.Since(began), 15*time.Second)
	var left *store.UndrainedError
	require.True(t, errors.As(err, &left))
	require.Equal(t, store.UndrainedError{Loads: true, Evictions: 1}, *left)
	close(finish)
	<-finished
}
