package faulttest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

// A master is killed, and the Cluster elects its replica.
func TestClusterMasterIsKilled(t *testing.T) {
	w := newClusterWatch(t)
	defer w.stop()
	master := w.unneeded(t)
	replica := w.ReplicaOf(t, master)
	master.Kill()
	killed := time.Since(w.began)
	taken := w.takeover(t, replica)
	t.Logf("the replica has taken over %v after the kill", (taken - killed).Round(time.Millisecond))
	time.Sleep(watchedFor) // the length of the watch
	w.stop()
	w.recoveries(t, master, killed, taken)
	w.living(t, master)
}

// All masters are killed, one after the other, and each replica is told to take over.
func TestClusterMastersAreKilledOneAfterTheOther(t *testing.T) {
	w := newClusterWatch(t)
	defer w.stop()
	replicas := w.replicas(t)
	for i, master := range w.masters {
		master.Kill()
		killed := time.Since(w.began)
		w.tell(t, replicas[i])
		taken := w.takeover(t, replicas[i])
		time.Sleep(watchedFor - time.Second) // the length of the watch
		w.recoveries(t, master, killed, taken)
	}
}

// All masters are killed at once, so that nobody is left to vote, and each replica is told to take over.
func TestClusterMastersAreKilledAtOnce(t *testing.T) {
	w := newClusterWatch(t)
	defer w.stop()
	replicas := w.replicas(t)
	for _, master := range w.masters {
		master.Kill()
	}
	killed := time.Since(w.began)
	for _, replica := range replicas {
		w.tell(t, replica)
	}
	var taken time.Duration
	for _, replica := range replicas {
		taken = w.takeover(t, replica)
	}
	time.Sleep(watchedFor) // the length of the watch
	w.stop()
	for _, master := range w.masters {
		w.recoveries(t, master, killed, taken)
	}
}

func (w *clusterWatch) replicas(t *testing.T) []*redistest.Server {
	t.Helper()
	replicas := make([]*redistest.Server, len(w.masters))
	for i, master := range w.masters {
		replicas[i] = w.ReplicaOf(t, master)
	}
	return replicas
}

func (w *clusterWatch) tell(t *testing.T, replica *redistest.Server) {
	t.Helper()
	_, err := replica.Do(t.Context(), "CLUSTER", "FAILOVER", "TAKEOVER")
	require.NoError(t, err)
}

// A master is down, and many ask for limits whose keys it has. Redis still decides about keys of the others.
func TestClusterLimitsOfLivingMasters(t *testing.T) {
	c := redistest.StartCluster(t, "cluster-require-full-coverage no", "cluster-replica-no-failover yes")
	l, masters := limiterOn(t, c.Client(t), redistest.Unique(t), 10_000), c.Nodes()[:3]
	of := map[*redistest.Server]string{}
	for k := 0; len(of) < len(masters); k++ {
		require.Less(t, k, 1000)
		key := fmt.Sprintf("limited-%03d", k)
		_, err := l.Allow(t.Context(), key)
		require.NoError(t, err)
		of[ownerOf(t, masters, key)] = key
	}
	masters[0].Kill()
	var over atomic.Bool
	var all sync.WaitGroup
	defer all.Wait()
	defer over.Store(true)
	for range 4 {
		all.Go(func() {
			for !over.Load() {
				_, _ = l.Allow(t.Context(), of[masters[0]])
			}
		})
	}
	redistest.Eventually(t, "a decision without Redis", func() bool { return l.Stats().Fallback > 20 })
	asked, local := 0, 0
	for began := time.Now(); time.Since(began) < noticed; asked++ {
		r, err := l.Allow(t.Context(), of[masters[1+asked%2]])
		require.NoError(t, err)
		if r.Source != ratelimit.FromRedis {
			local++
		}
		time.Sleep(5 * time.Millisecond) // the pace of requests
	}
	t.Logf("Redis did not decide %d of %d times about keys of living masters", local, asked)
	require.Zero(t, local)
}
