package redistest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestClusterAnswers(t *testing.T) {
	checkLeaks(t)
	begin := time.Now()
	c := StartCluster(t)
	logStart(t, begin)
	require.Len(t, c.Nodes(), 6)
	require.Len(t, c.Addrs(), 6)

	rdb := c.Client(t)
	owners := map[*Server]bool{}
	for i := range 30 {
		key := fmt.Sprintf("k%d", i)
		require.NoError(t, rdb.Set(t.Context(), key, i, 0).Err())
		owner := c.MasterFor(t, key)
		owners[owner] = true
		got, err := owner.Do(t.Context(), "GET", key)
		require.NoError(t, err, "the owner answers without a redirect")
		require.Equal(t, fmt.Sprint(i), got)
	}
	require.Len(t, owners, 3)
	for m := range owners {
		r := c.ReplicaOf(t, m)
		require.NotContains(t, owners, r)
	}
	n, err := rdb.MasterForKey(t.Context(), "k1")
	require.NoError(t, err)
	require.Equal(t, c.MasterFor(t, "k1").Addr(), n.Options().Addr)
}

func TestClusterFailover(t *testing.T) {
	checkLeaks(t)
	c := StartCluster(t)
	rdb := c.Client(t)
	require.NoError(t, rdb.Set(t.Context(), "k", "v", 0).Err())
	old := c.MasterFor(t, "k")
	replica := c.ReplicaOf(t, old)

	begin := time.Now()
	c.Failover(t, old)
	t.Logf("orderly failover in %s", time.Since(begin).Round(time.Millisecond))
	require.Same(t, replica, c.MasterFor(t, "k"))
	require.Same(t, old, c.ReplicaOf(t, replica))
	requireValue(t, rdb, "k", "v")

	replica.Kill()
	begin = time.Now()
	c.Failover(t, replica)
	t.Logf("takeover in %s", time.Since(begin).Round(time.Millisecond))
	require.Same(t, old, c.MasterFor(t, "k"))
	// By itself the client would keep to the dead master for a minute, its
	// ClusterStateReloadInterval: it does not take a refused connection for a
	// reason to ask who serves the slot now. And it only reloads behind our
	// back, hence the poll.
	rdb.ReloadState(t.Context())
	eventually(t, "the client's way to the new master", func(ctx context.Context) error {
		return rdb.Get(ctx, "k").Err()
	})
	requireValue(t, rdb, "k", "v")

	replica.Restart()
	eventually(t, "the killed master's return", func(ctx context.Context) error {
		return replica.linked(ctx, old)
	})

	// Without help the cluster has to find out by itself.
	old.Pause()
	begin = time.Now()
	eventually(t, "the election of the replica", func(ctx context.Context) error {
		now, err := c.ownerOf(ctx, c.Slot(t, "k"))
		if err == nil && now != replica {
			err = fmt.Errorf("%s serves the slot", now)
		}
		return err
	})
	t.Logf("election in %s", time.Since(begin).Round(time.Millisecond))
	old.Resume()
	eventually(t, "agreement", func(ctx context.Context) error { return c.agreed(ctx, old, replica) })
}

func TestClusterMigratesSlots(t *testing.T) {
	checkLeaks(t)
	c := StartCluster(t, "cluster-require-full-coverage no")
	rdb := c.Client(t)
	const keys = migrateBatch + 50
	slot := c.Slot(t, "{tag}")
	for i := range keys {
		require.NoError(t, rdb.Set(t.Context(), fmt.Sprintf("{tag}%d", i), i, 0).Err())
	}
	from := c.MasterFor(t, "{tag}")
	var to *Server
	for _, n := range c.Nodes()[:masters] {
		if n != from {
			to = n
		}
	}

	c.OpenSlot(t, slot, from, to)
	_, err := from.Do(t.Context(), "GET", "{tag}absent")
	require.ErrorContains(t, err, "ASK")
	require.ErrorIs(t, rdb.Get(t.Context(), "{tag}absent").Err(), redis.Nil, "the client follows ASK")
	require.Equal(t, "7", rdb.Get(t.Context(), "{tag}7").Val())

	c.CloseSlot(t, slot, from, to)
	require.Same(t, to, c.MasterFor(t, "{tag}"))
	_, err = from.Do(t.Context(), "GET", "{tag}7")
	require.ErrorContains(t, err, "MOVED")
	for i := range keys {
		require.Equal(t, fmt.Sprint(i), rdb.Get(t.Context(), fmt.Sprintf("{tag}%d", i)).Val())
	}

	begin := time.Now()
	c.MigrateSlot(t, slot, to, from)
	t.Logf("%d keys moved in %s", keys, time.Since(begin).Round(time.Millisecond))
	require.Same(t, from, c.MasterFor(t, "{tag}"))
}

func TestParseNodes(t *testing.T) {
	views, err := parseNodes("a 127.0.0.1:1@2 myself,master - 0 0 7 connected 0-5 9 [3->-b]\n" +
		"b 127.0.0.1:3@4,host slave,fail? a 0 0 7 disconnected\n")
	require.NoError(t, err)
	require.Len(t, views, 2)
	require.Equal(t, nodeView{
		id: "a", flags: []string{"myself", "master"}, master: "-",
		epoch: 7, linked: true, slots: [][2]int{{0, 5}, {9, 9}},
	}, views[0])
	require.True(t, views[0].owns(9))
	require.False(t, views[0].owns(6))
	require.True(t, views[1].is("fail?"))
	require.False(t, views[1].linked)

	for _, bad := range []string{"short line\n", "a b c d e f notanumber h\n", "a b c d e f 1 h x-y\n"} {
		_, err = parseNodes(bad)
		require.Error(t, err, bad)
	}
}

func requireValue(t *testing.T, rdb redis.UniversalClient, key, want string) {
	t.Helper()
	got, err := rdb.Get(t.Context(), key).Result()
	require.NoError(t, err)
	require.Equal(t, want, got)
}
