package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// An eviction that has returned is one that the replica has, so that its promotion does not undo it.
func TestEvictionsWaitForReplicas(t *testing.T) {
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	rdb := replica.Client(t)
	e := newEntry(t, master.Client(t), store.WaitForReplicas(1, 15*time.Second))
	for range 20 {
		e.load("old")
		e.evict(e.Ref.Key)
		n, err := rdb.Exists(t.Context(), e.addr()).Result()
		require.NoError(t, err)
		require.Zero(t, n)
		e.load("old")
		e.end(e.hold(e.Ref.Key))
		n, err = rdb.Exists(t.Context(), e.addr()).Result()
		require.NoError(t, err)
		require.Zero(t, n)
	}
	require.Zero(t, e.st.Stats().Recovery.Unreplicated)
}

// When the replica does not confirm, the eviction is carried out all the same, and the caller is told.
func TestAReplicaThatDoesNotConfirm(t *testing.T) {
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	e := newEntry(t, master.Client(t), store.WaitForReplicas(1, 50*time.Millisecond))
	e.load("old")
	replica.Pause()
	err := e.st.Evict(t.Context(), e.Ref.Key)
	require.ErrorIs(t, err, store.ErrUnreplicated)
	require.NotErrorIs(t, err, store.ErrQueued)
	require.Equal(t, "absent", e.sees())
	require.EqualValues(t, 1, e.st.Stats().Recovery.Unreplicated)
	require.Zero(t, e.st.Stats().Queued)
	require.EqualValues(t, 1, e.st.Stats().Recovery.Remembered, "so that it is repeated if need be")
	e.load("old")
	n, err := e.st.Engine().Evictor.Matching(t.Context(), "*", nil)
	require.ErrorIs(t, err, store.ErrUnreplicated)
	require.EqualValues(t, 1, n)
	require.Equal(t, "absent", e.sees())
	replica.Resume()
	require.Eventually(t, func() bool { return e.st.Evict(t.Context(), e.Ref.Key) == nil }, soon, often)

	master.Kill()
	require.ErrorIs(t, e.st.Evict(t.Context(), e.Ref.Key), store.ErrQueued)
	master.Restart()
	require.Eventually(t, func() bool { return e.st.Stats().Pending == 0 }, soon, often)
}

// On a Cluster each master's replicas confirm, in one go for many keys; what is on the move is evicted, but not confirmed.
func waitForReplicas(t *testing.T, cluster *redistest.Cluster) {
	st := open(t, cluster.Client(t), store.WaitForReplicas(1, 5*time.Second))
	var keys []store.Key
	for i := range 100 {
		keys = append(keys, st.Tag(fmt.Sprint(i)))
	}
	require.NoError(t, st.Evict(t.Context(), keys...))
	slot := cluster.Slot(t, keys[0].String())
	from := cluster.MasterFor(t, keys[0].String())
	to := cluster.Nodes()[0]
	if to == from {
		to = cluster.Nodes()[1]
	}
	cluster.OpenSlot(t, slot, from, to)
	require.ErrorIs(t, st.Evict(t.Context(), keys...), store.ErrUnreplicated)
	cluster.CloseSlot(t, slot, from, to)
	require.Eventually(t, func() bool { return st.Evict(t.Context(), keys...) == nil }, soon, often)
	require.Zero(t, st.Stats().Queued)
	require.Zero(t, st.Stats().Pending)
}

// miniredis and old servers do not know WAIT.
func TestAServerWithoutWAIT(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	e := newEntry(t, rdb, store.WaitForReplicas(1, time.Second))
	e.load("old")
	require.ErrorIs(t, e.st.Evict(t.Context(), e.Ref.Key), store.ErrUnreplicated)
	require.Equal(t, "absent", e.sees())
}
