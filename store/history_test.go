package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// fickle is a server that comes back with what it had when it was saved.
type fickle struct {
	*redistest.Server
	t testing.TB
}

func startFickle(t testing.TB) fickle { return fickle{redistest.Start(t), t} }

func (s fickle) save() {
	s.t.Helper()
	_, err := s.Do(s.t.Context(), "SAVE")
	require.NoError(s.t, err)
}

func (s fickle) comeBack() {
	s.Kill()
	s.Restart()
}

// settled waits until all evictions are carried out, the restart has been noticed.
func (e *testEntry) settled(restarts int64) {
	e.t.Helper()
	require.Eventually(e.t, func() bool {
		s := e.st.Stats()
		return s.Recovery.Restarts == restarts && s.Pending == 0
	}, soon, often, "never settled")
}

// Redis restarts with the data of before an eviction that it had confirmed. Who has evicted does not see it again, not
// even with the first read; others do not when the evictions are repeated.
func TestAConfirmedEvictionSurvivesARestart(t *testing.T) {
	for name, evict := range map[string]func(e *testEntry){
		"of the entry":  func(e *testEntry) { e.evict(e.Ref.Key) },
		"of its tag":    func(e *testEntry) { e.evict(e.st.Tag("tag")) },
		"of the cache":  func(e *testEntry) { e.evict(e.All()) },
		"of everything": func(e *testEntry) { e.evict(e.st.Everything()) },
		"by a pattern": func(e *testEntry) {
			n, err := e.st.Engine().Evictor.Matching(e.t.Context(), "cache:*", nil)
			require.NoError(e.t, err)
			require.EqualValues(e.t, 1, n)
		},
		"by Expire": func(e *testEntry) { require.NoError(e.t, e.st.Engine().Evictor.Expire(e.t.Context(), e.Ref.Key)) },
		"by a hold": func(e *testEntry) { e.end(e.hold(e.Ref.Key)) },
		"by a replacement": func(e *testEntry) {
			h := e.hold(e.Ref.Key)
			e.end(h, e.replacement("new"))
			require.Equal(e.t, "value new", e.sees())
		},
		"by Put": func(e *testEntry) {
			stored, err := e.Put(e.t.Context(), &e.Ref, result("new"))
			require.NoError(e.t, err)
			require.True(e.t, stored)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startFickle(t)
			e := newEntry(t, server.Client(t))
			other := e.elsewhere()
			feedUp(t, e.st, other.st)
			for cycle := int64(1); cycle <= 2; cycle++ {
				e.load("old")
				server.save()
				evict(e)
				require.Zero(t, e.st.Stats().Pending)
				server.comeBack()
				for e.st.Stats().Recovery.Restarts < cycle {
					v, err := e.Read(t.Context(), &e.Ref)
					require.False(t, err == nil && words(v) == "value old")
				}
				e.settled(cycle)
				require.NotEqual(t, "value old", e.sees())
				other.settled(cycle)
				other.eventually(e.sees())
				e.evict(e.Ref.Key, e.All())
			}
			require.Positive(t, e.st.Stats().Recovery.Recalled)
			require.Zero(t, other.st.Stats().Recovery.Recalled, "it has evicted nothing")
			require.Zero(t, e.st.Stats().Queued, "nothing has failed")
		})
	}
}

// A lease, or a hold, that Redis has from an older state is of no use: an eviction that had ended it may be lost, and the
// node that could repeat it may be gone.
func TestWhatWasLeasedBeforeARestartIsNotConfirmed(t *testing.T) {
	server := startFickle(t)
	rdb := server.Client(t)
	st := open(t, rdb, store.LeaseTime(time.Minute), store.HoldTime(time.Minute))
	feedUp(t, st)
	restarts := int64(0)
	loseAnEviction := func(e *testEntry) {
		t.Helper()
		server.save()
		gone := e.elsewhere()
		gone.evict(e.Ref.Key)
		require.NoError(t, gone.st.Close())
		server.comeBack()
		restarts++
		e.settled(restarts)
	}

	e := entryOf(t, rdb, st, "claimed", "tag")
	lease := e.acquire()
	loseAnEviction(e)
	confirmed, err := lease.Store(t.Context(), result("old"))
	require.NoError(t, err)
	require.False(t, confirmed)
	require.NotEqual(t, "value old", e.sees())

	e = entryOf(t, rdb, st, "refreshed", "tag")
	e.load("old")
	lease, _, err = e.AcquireForce(t.Context(), &e.Ref)
	require.NoError(t, err)
	loseAnEviction(e)
	confirmed, err = lease.Store(t.Context(), result("older"))
	require.NoError(t, err)
	require.False(t, confirmed)

	e = entryOf(t, rdb, st, "held", "tag")
	h := e.hold(e.Ref.Key)
	r := e.replacement("old")
	loseAnEviction(e)
	e.end(h, r)
	require.Equal(t, "absent", e.sees())
}

// With Distrust nobody reads what Redis comes back with, although the node that had evicted it is gone.
func TestDistrustBelievesNothingAfterARestart(t *testing.T) {
	server := startFickle(t)
	e := newEntry(t, server.Client(t), store.Distrust())
	other := e.elsewhere(store.Distrust())
	feedUp(t, e.st, other.st)
	for cycle := int64(1); cycle <= 3; cycle++ {
		e.load("old")
		other.eventually("value old") // it may have heard of the last version, and not yet of this one
		server.save()
		gone := e.elsewhere()
		gone.evict(e.Ref.Key)
		require.NoError(t, gone.st.Close())
		server.comeBack()
		for other.st.Stats().Recovery.Restarts < cycle || other.st.Stats().Pending > 0 {
			v, err := other.Read(t.Context(), &other.Ref)
			require.False(t, err == nil && words(v) == "value old")
		}
		require.NotEqual(t, "value old", other.sees())
		e.settled(cycle)
		require.NotEqual(t, "value old", e.sees())
	}
}

// The stay of a hold is remembered, too: Redis comes back without the hold, and the source may still be read from a
// replica that lags.
func TestAHoldThatStaysSurvivesARestart(t *testing.T) {
	for _, options := range [][]store.Option{nil, {store.Distrust()}} {
		server := startFickle(t)
		e := newEntry(t, server.Client(t), options...)
		other := e.elsewhere(options...)
		feedUp(t, e.st, other.st) // so that both have met the server before it restarts
		e.load("old")
		server.save()
		require.NoError(t, e.hold(e.Ref.Key).End(t.Context(), time.Minute))
		server.comeBack()
		e.settled(1)
		other.settled(1)
		require.Equal(t, "held", e.sees())
		require.Equal(t, "held", other.sees())
	}
}

// A connection outlives what its server is. When the server was a replica in between, it may have the data of another.
func TestAServerThatWasAReplicaIsAskedAgain(t *testing.T) {
	master, other := redistest.Start(t), redistest.Start(t)
	do := func(s *redistest.Server, args ...any) {
		t.Helper()
		_, err := s.Do(t.Context(), args...)
		require.NoError(t, err)
	}
	replicaOf := func(s, of *redistest.Server) {
		t.Helper()
		host, port, err := net.SplitHostPort(of.Addr())
		require.NoError(t, err)
		do(s, "REPLICAOF", host, port)
		require.Eventually(t, func() bool {
			text, err := s.Do(t.Context(), "INFO", "replication")
			require.NoError(t, err)
			return strings.Contains(fmt.Sprint(text), "master_link_status:up")
		}, soon, often)
	}
	e := newEntry(t, master.Client(t), store.LookAround(time.Hour))
	e.load("old")
	replicaOf(other, master)
	do(other, "REPLICAOF", "NO", "ONE")
	e.evict(e.Ref.Key)
	require.NotEqual(t, "value old", e.sees())
	e.eventually("absent") // with its first replica a master begins another history, which is noticed within a second

	before := e.st.Stats().Recovery.Restarts
	replicaOf(master, other)
	require.ErrorIs(t, e.st.Evict(t.Context(), e.Cache.Key("another")), store.ErrQueued, "it is read-only")
	do(master, "REPLICAOF", "NO", "ONE")
	require.NotEqual(t, "value old", e.sees())
	require.Eventually(t, func() bool {
		s := e.st.Stats()
		return s.Recovery.Restarts > before && s.Pending == 0
	}, soon, often)
	require.Equal(t, "absent", e.sees())
}

// A server that does not say who it is is as good as ever, but for its restarts; and that is told.
func TestAServerThatDoesNotSayWhoItIs(t *testing.T) {
	server := redistest.Start(t)
	_, err := server.Do(t.Context(), "ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all", "-info")
	require.NoError(t, err)
	log := redistest.NewLog(slog.LevelInfo)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr(), Username: "app", Password: "secret"})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	e := newEntry(t, rdb, store.Logger(log.Logger()))
	e.load("value")
	e.evict(e.Ref.Key)
	require.Equal(t, "absent", e.sees())
	require.True(t, e.st.Stats().Recovery.Blind)
	const blind = "aside: this Redis does not say in INFO who it is"
	require.Eventually(t, func() bool { return len(log.At(slog.LevelWarn, blind)) == 1 }, soon, often)
}

// A restart is logged, with how many evictions are repeated.
func TestARestartIsLogged(t *testing.T) {
	const restarted = "aside: Redis has restarted"
	server, log := startFickle(t), redistest.NewLog(slog.LevelInfo)
	e := newEntry(t, server.Client(t), store.Logger(log.Logger()))
	feedUp(t, e.st)
	e.evict(e.Ref.Key, e.st.Tag("tag"))
	require.EqualValues(t, 2, e.st.Stats().Recovery.Remembered)
	require.Empty(t, log.At(slog.LevelWarn, restarted))
	server.comeBack()
	e.settled(1)
	require.Eventually(t, func() bool { return len(log.At(slog.LevelWarn, restarted)) > 0 }, soon, often)
	lines := log.At(slog.LevelWarn, restarted)
	require.Len(t, lines, 1)
	require.EqualValues(t, 2, lines[0].Attr("evictions").Int64())
	require.EqualValues(t, 2, e.st.Stats().Recovery.Recalled)
	require.EqualValues(t, 2, e.st.Stats().Recovery.Remembered, "they may be lost once more")
}

// The masters of a Cluster are met one after the other, which is no restart.
func TestTheMastersOfAClusterAreNoSurprise(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		log := redistest.NewLog(slog.LevelInfo)
		e := newEntry(t, rdb, store.Logger(log.Logger()))
		for range 3 {
			e.load("value")
			e.evict(e.Ref.Key, e.st.Tag("tag"), e.All(), e.st.Everything())
		}
		require.Zero(t, e.st.Stats().Recovery.Restarts)
		require.Zero(t, e.st.Stats().Pending)
		require.Empty(t, log.At(slog.LevelWarn, "aside: Redis has restarted"))
	})
}

// While a master is asked who it is, a caller waits no longer than its context says.
func TestNobodyWaitsForAServerThatDoesNotAnswer(t *testing.T) {
	server := redistest.Start(t)
	e := newEntry(t, server.Client(t), store.DrainTime(time.Second))
	e.load("value")
	server.Pause()
	defer server.Resume()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	for range 30 { // more than there are connections
		_, _ = e.Read(ctx, &e.Ref)
	}
	require.Less(t, time.Since(began), 5*time.Second)
}

// The same on a Cluster: a master is replaced and comes back, and is replaced once more by a replica that lacks an
// eviction. A connection to that one is left from when it was a master before.
func promotedOnceMore(t *testing.T, cluster *redistest.Cluster) {
	replicates := func(s *redistest.Server) {
		t.Helper()
		require.Eventually(t, func() bool {
			text, err := s.Do(t.Context(), "INFO", "replication")
			return err == nil && strings.Contains(fmt.Sprint(text), "master_link_status:up")
		}, soon, often)
	}
	for _, lookedUp := range []bool{true, false} { // in between, so that it is known to have been a replica
		options := []store.Option{}
		if !lookedUp {
			options = append(options, store.LookAround(time.Hour))
		}
		e := newEntry(t, cluster.Client(t), options...)
		e.load("first")
		a := cluster.MasterFor(t, e.addr())
		b := cluster.ReplicaOf(t, a)
		cluster.Failover(t, a)
		e.eventually("value first")
		e.goesStraightPast(a)
		require.Zero(t, e.st.Stats().Pending, "an orderly change, and nothing to be repeated")
		if lookedUp {
			e.follows(b, a)
		}
		cluster.Failover(t, b)
		e.eventually("value first")
		if lookedUp {
			e.follows(a, b)
		}
		e.evict(e.Ref.Key)
		e.load("old")
		replicates(b)
		_, err := a.Do(t.Context(), "WAIT", 1, 1000)
		require.NoError(t, err)
		b.Pause()
		_, err = a.Do(t.Context(), "CLIENT", "KILL", "TYPE", "replica")
		require.NoError(t, err)
		recalled := e.st.Stats().Recovery.Recalled
		e.evict(e.Ref.Key)
		a.Kill()
		b.Resume()
		cluster.Failover(t, a)
		for e.st.Stats().Recovery.Recalled == recalled || e.st.Stats().Pending > 0 {
			v, err := e.Read(t.Context(), &e.Ref)
			require.False(t, err == nil && words(v) == "value old")
		}
		require.NotEqual(t, "value old", e.sees())
		if lookedUp {
			e.follows(b, a)
			require.Empty(t, e.st.Stats().Breakers.Open, "the one that is away is no master any more")
		}
		a.Restart()
		replicates(a)
	}
}

// goesStraightPast waits until the client does not ask a server first that has refused it, and for longer than it takes to
// look at the slots once more. Valkey agrees on another master in 50 ms: where that is faster than the client, the client
// would never ask the one that was a master for so short a time, and so would not hear that it is none any more.
func (e *testEntry) goesStraightPast(former *redistest.Server) {
	e.t.Helper()
	refusals := func() string {
		text, err := former.Do(e.t.Context(), "INFO", "errorstats")
		require.NoError(e.t, err)
		_, after, _ := strings.Cut(fmt.Sprint(text), "errorstat_MOVED:")
		count, _, _ := strings.Cut(after, "\r")
		return count
	}
	for begin, before := time.Now(), refusals(); time.Since(begin) < 500*time.Millisecond; {
		e.eventually("value first")
		if now := refusals(); now != before {
			begin, before = time.Now(), now
		}
	}
}

// follows waits until the masters were looked up after one has taken another's place.
func (e *testEntry) follows(master, former *redistest.Server) {
	e.t.Helper()
	require.Eventually(e.t, func() bool {
		masters := e.st.Stats().Breakers.Masters
		return slices.Contains(masters, master.Addr()) && !slices.Contains(masters, former.Addr())
	}, soon, often)
}
