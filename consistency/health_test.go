package consistency_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/consistency"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// ask sends a request to a handler, and returns its answer.
func ask(t *testing.T, h http.Handler) (int, consistency.HealthReport) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	var r consistency.HealthReport
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &r), w.Body.String())
	return w.Code, r
}

// While Redis is down a node is alive, and ready unless it requires Redis. It reports what is wrong, and the recovery.
func TestHealthThroughAnOutage(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t), store.BreakAfter(2))
	eventually(t, "the feed", func() bool { return st.Stats().Feed.Up })
	c := cacheable.New(st, "row", newTable("k").load, cacheable.Near(10, time.Hour))
	for range 3 {
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
	}
	patient := consistency.AnswerWithin(15 * time.Second) // a server that was killed refuses at once
	bears, needs := consistency.NewHealth(st, patient), consistency.NewHealth(st, patient, consistency.Require(consistency.Redis))
	for _, h := range []*consistency.Health{bears, needs} {
		code, r := ask(t, h.Ready())
		require.Equal(t, http.StatusOK, code)
		require.Equal(t, consistency.OK, r.Status)
		require.Len(t, r.Components, 6)
		require.Equal(t, server.Addr(), r.Components[consistency.Redis].Nodes[0].Node)
		require.Positive(t, r.Components[consistency.Redis].Nodes[0].LatencyMS)
		require.EqualValues(t, 1, r.Components[consistency.Near].Entries)
	}

	server.Kill()
	require.ErrorIs(t, c.Evict(t.Context(), "k"), store.ErrQueued)
	eventually(t, "everything is noticed", func() bool {
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		r := bears.Check(t.Context())
		return r.Components[consistency.Breaker].Status == consistency.Down && r.Components[consistency.Feed].Status == consistency.Down
	})
	code, r := ask(t, bears.Ready())
	require.Equal(t, http.StatusOK, code)
	require.True(t, r.Ready)
	require.Equal(t, consistency.Degraded, r.Status)
	require.Equal(t, consistency.Down, r.Components[consistency.Redis].Status)
	require.NotEmpty(t, r.Components[consistency.Redis].Nodes[0].Error)
	require.Equal(t, []string{server.Addr()}, r.Components[consistency.Breaker].Open)
	require.Equal(t, consistency.Degraded, r.Components[consistency.Recovery].Status)
	require.EqualValues(t, 1, r.Components[consistency.Recovery].Pending)
	require.Equal(t, consistency.Degraded, r.Components[consistency.Near].Status)
	code, r = ask(t, needs.Ready())
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.False(t, r.Ready)
	require.Equal(t, consistency.Down, r.Status)
	for _, h := range []*consistency.Health{bears, needs} {
		code, _ = ask(t, h.Live())
		require.Equal(t, http.StatusOK, code)
	}

	server.Restart()
	eventually(t, "all is well", func() bool {
		code, r := ask(t, needs.Ready())
		return code == http.StatusOK && r.Status == consistency.OK
	})
}

// A server that hangs does not delay the answer, whatever the store's timeout. A node stays ready if one of several
// masters does not answer.
func TestHealthAnswersInTime(t *testing.T) {
	cluster := redistest.StartCluster(t, "cluster-replica-no-failover yes") // else a master that answers takes the place of the paused one
	st := open(t, cluster.Client(t), store.Timeout(30*time.Second))
	h := consistency.NewHealth(st, consistency.Require(consistency.Redis), consistency.AnswerWithin(300*time.Millisecond))
	eventually(t, "three masters", func() bool {
		code, r := ask(t, h.Ready())
		return code == http.StatusOK && len(r.Components[consistency.Redis].Nodes) == 3
	})
	paused := cluster.Nodes()[0]
	paused.Pause()
	defer paused.Resume()
	for range 3 {
		began := time.Now()
		code, r := ask(t, h.Ready())
		require.Less(t, time.Since(began), 15*time.Second)
		require.Equal(t, http.StatusOK, code, "two of three answer: %v", r)
		require.NotEqual(t, consistency.OK, r.Components[consistency.Redis].Status)
		code, _ = ask(t, h.Live())
		require.Equal(t, http.StatusOK, code)
	}
}

// Probes that come at the same time, as those of several load balancers, share one answer.
func TestHealthChecksAtTheSameTimeShareTheirPings(t *testing.T) {
	server := redistest.Start(t)
	rdb := server.Client(t)
	st := open(t, rdb, store.Timeout(30*time.Second))
	h := consistency.NewHealth(st, consistency.AnswerWithin(20*time.Second))
	pings := func() (n int) {
		stats, err := rdb.Info(t.Context(), "commandstats").Result()
		require.NoError(t, err)
		_, rest, _ := strings.Cut(stats, "cmdstat_ping:calls=")
		_, err = fmt.Sscanf(rest, "%d", &n)
		require.NoError(t, err)
		return n
	}
	require.Equal(t, consistency.OK, h.Check(t.Context()).Components[consistency.Redis].Status)
	const checks = 100
	before, begun := pings(), atomic.Int64{}
	server.Pause()
	var group sync.WaitGroup
	for range checks {
		group.Go(func() {
			begun.Add(1)
			if status := h.Check(t.Context()).Components[consistency.Redis].Status; status != consistency.OK {
				t.Errorf("Redis is %s", status)
			}
		})
	}
	eventually(t, "all checks", func() bool { return begun.Load() == checks })
	left, cancel := context.WithCancel(t.Context())
	cancel()
	require.NotEqual(t, consistency.OK, h.Check(left).Components[consistency.Redis].Status, "who leaves does not wait for the others")
	server.Resume()
	group.Wait()
	require.Less(t, pings()-before, checks, "the store's own pings included")
}

func TestHealthOfAClosedStore(t *testing.T) {
	st := open(t, miniClient(t))
	h := consistency.NewHealth(st)
	require.NoError(t, st.Close())
	code, r := ask(t, h.Ready())
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Equal(t, consistency.HealthReport{Status: consistency.Down, Namespace: st.Namespace()}, r)
	code, _ = ask(t, h.Live())
	require.Equal(t, http.StatusOK, code)
}

func TestHealthMethods(t *testing.T) {
	h := consistency.NewHealth(open(t, miniClient(t)))
	for _, handler := range []http.Handler{h.Ready(), h.Live()} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/", nil))
		require.Equal(t, http.StatusOK, w.Code)
		require.Empty(t, w.Body.String())
		w = httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
		require.Equal(t, http.StatusMethodNotAllowed, w.Code)
		require.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
	}
}

// A journal that can't be written degrades the recovery, and raises an alert.
func TestAJournalThatCanNotBeWrittenIsReported(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	st := open(t, redistest.Start(t).Client(t), store.Journal(filepath.Join(dir, "journal")), store.Logger(quiet))
	rule := consistency.JournalDown()
	rule.For, rule.Settle = 20*time.Millisecond, 20*time.Millisecond
	received := &receiver{}
	a := consistency.NewAlerts(st, consistency.Rules(rule), consistency.Every(10*time.Millisecond),
		consistency.Notify(received.receive), consistency.Logger(quiet))
	defer a.Close()
	h := consistency.NewHealth(st)
	c := h.Check(t.Context()).Components[consistency.Recovery]
	require.Equal(t, consistency.Degraded, c.Status)
	require.Contains(t, c.Journal, "no such file")
	eventually(t, "an alert", func() bool { return len(a.Active()) == 1 })
	require.Equal(t, "journal down", a.Active()[0].Rule)
	require.NoError(t, os.Mkdir(dir, 0o700))
	eventually(t, "all is well", func() bool { return len(a.Active()) == 0 })
	require.Equal(t, consistency.OK, h.Check(t.Context()).Components[consistency.Recovery].Status)
}
