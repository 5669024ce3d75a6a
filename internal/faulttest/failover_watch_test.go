package faulttest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

// watchedFor is how long a test watches after a replica has taken over.
const watchedFor = 4 * time.Second

// probe is a call that needs one master, and is repeated.
type probe struct {
	kind   string // what it is part of
	master *redistest.Server
	ask    func() bool  // reports whether Redis has answered
	last   atomic.Int64 // when the last call began that Redis did not answer, since the start of the watch; 0: none
	bad, n atomic.Int64
}

// clusterWatch is a store, sessions and limits on a Cluster, with keys on every master.
type clusterWatch struct {
	*redistest.Cluster
	namespace string
	masters   []*redistest.Server
	probes    []*probe
	began     time.Time
	over      atomic.Bool
	all       sync.WaitGroup
}

func newClusterWatch(t *testing.T) *clusterWatch {
	t.Helper()
	c := redistest.StartCluster(t, "cluster-require-full-coverage no")
	ns := redistest.Unique(t)
	w := &clusterWatch{Cluster: c, namespace: ns, masters: slices.Clone(c.Nodes()[:3]), began: time.Now()}
	w.reads(t, ns)
	w.sessions(t, ns)
	w.limits(t, ns)
	for _, p := range w.probes {
		redistest.Eventually(t, "an answer of Redis to each "+p.kind, p.ask)
	}
	for i, m := range w.masters {
		copied(t, m, c.ReplicaOf(t, w.masters[i]))
	}
	for _, p := range w.probes {
		w.all.Go(func() { w.watch(p) })
	}
	return w
}

const perKind = 15

// add adds a probe with a key that contains a text.
func (w *clusterWatch) add(t *testing.T, kind, text string, ask func() bool) {
	w.probes = append(w.probes, &probe{kind: kind, master: ownerOf(t, w.masters, text), ask: ask})
}

func (w *clusterWatch) reads(t *testing.T, ns string) {
	st := fed(t, w.Client(t), ns)
	c := cacheable.New(st, "c", func(_ context.Context, k int) (int, error) { return k, nil }, cacheable.TTL(time.Hour))
	for k := range perKind {
		ask := func() bool {
			_, info, err := c.GetInfo(t.Context(), k)
			return err == nil && info.Source == cacheable.SourceHit
		}
		ask()
		w.add(t, "read", fmt.Sprintf("%s:{c:%d}", ns, k), ask)
	}
}

func (w *clusterWatch) sessions(t *testing.T, ns string) {
	m := managerOn(t, w.Client(t), ns)
	for range perKind {
		ctx := m.Attach(t.Context(), "")
		require.NoError(t, m.Create(ctx, visits{N: 1}))
		token, err := m.Token(ctx)
		require.NoError(t, err)
		info, err := m.Info(ctx)
		require.NoError(t, err)
		w.add(t, "session read", info.Handle, func() bool {
			_, err := m.Get(m.Attach(t.Context(), token))
			return err == nil
		})
		w.add(t, "session update", info.Handle, func() bool { return m.Update(m.Attach(t.Context(), token), visit) == nil })
	}
}

func (w *clusterWatch) limits(t *testing.T, ns string) {
	l := limiterOn(t, w.Client(t), ns, 1000)
	for k := range perKind {
		key := fmt.Sprintf("limited-%02d", k)
		ask := func() bool {
			r, err := l.Allow(t.Context(), key)
			return err == nil && r.Source == ratelimit.FromRedis
		}
		ask()
		w.add(t, "limit", key, ask)
	}
}

func (w *clusterWatch) watch(p *probe) {
	for !w.over.Load() {
		began := time.Since(w.began)
		if p.n.Add(1); !p.ask() {
			p.bad.Add(1)
			p.last.Store(int64(began))
		}
		time.Sleep(20 * time.Millisecond) // the pace of requests
	}
}

// stop ends the watch.
func (w *clusterWatch) stop() {
	w.over.Store(true)
	w.all.Wait()
}

// unneeded returns a master without the versions of the cache and of the namespace, which all reads depend on.
func (w *clusterWatch) unneeded(t *testing.T) *redistest.Server {
	t.Helper()
	for _, m := range w.masters {
		if len(keysWith(t, m, w.namespace+":{#all"))+len(keysWith(t, m, w.namespace+":{#every")) == 0 {
			return m
		}
	}
	t.Fatal("there are more than two versions")
	return nil
}

// takeover waits until a replica has taken a master's place, and returns when it did.
func (w *clusterWatch) takeover(t *testing.T, replica *redistest.Server) time.Duration {
	t.Helper()
	redistest.Eventually(t, "the replica's promotion", func() bool { return isClusterMaster(replica) })
	return time.Since(w.began)
}

// isClusterMaster reports whether a node says that it is a master with slots.
func isClusterMaster(s *redistest.Server) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	reply, err := s.Do(ctx, "CLUSTER", "NODES")
	text, ok := reply.(string)
	if err != nil || !ok {
		return false
	}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if strings.Contains(f[2], "myself") {
			return strings.Contains(f[2], "master") && len(f) > 8
		}
	}
	return false
}

// recoveries reports how long after a takeover each kind needed for keys of the master that was killed.
func (w *clusterWatch) recoveries(t *testing.T, master *redistest.Server, killed, taken time.Duration) {
	t.Helper()
	slowest := map[string]time.Duration{}
	for _, p := range w.probes {
		if p.master == master {
			slowest[p.kind] = max(slowest[p.kind], time.Duration(p.last.Load()))
		}
	}
	for _, kind := range []string{"read", "session read", "session update", "limit"} {
		last, ok := slowest[kind]
		require.True(t, ok, "no %s is on the master that was killed", kind)
		after := max(0, last-taken)
		t.Logf("the last %-14s that Redis did not answer: %8v after the takeover, %8v after the kill", kind,
			after.Round(time.Millisecond), max(0, last-killed).Round(time.Millisecond))
		assert.LessOrEqual(t, after, noticed, "%s after the takeover", kind)
	}
}

// living reports how often Redis did not answer for keys of masters that were never killed.
func (w *clusterWatch) living(t *testing.T, dead ...*redistest.Server) {
	t.Helper()
	bad, n := map[string]int64{}, map[string]int64{}
	for _, p := range w.probes {
		if !slices.Contains(dead, p.master) {
			bad[p.kind] += p.bad.Load()
			n[p.kind] += p.n.Load()
		}
	}
	for kind := range n {
		t.Logf("of keys on living masters, Redis did not answer %d of %d: %s", bad[kind], n[kind], kind)
		require.Positive(t, n[kind])
		if kind == "read" { // evictions may be repeated for a new data set, which bypasses Redis for a moment
			assert.LessOrEqual(t, bad[kind], n[kind]/20, "not answered by Redis, though the master lives: %s", kind)
			continue
		}
		assert.Zero(t, bad[kind], "not answered by Redis, though the master lives: %s", kind)
	}
}
