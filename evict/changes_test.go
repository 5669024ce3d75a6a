package evict_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// A write that bypasses the application evicts on every node. A write that is made while no consumer runs evicts when
// the next one starts.
func TestChangesAreEvicted(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, log := fleet(t, rdb, 2), newLog()
		a, b := cacheOf(stores[0], log), cacheOf(stores[1], log)
		first := follow(t, log, a)
		begun(t, first, 1)
		reads(t, 0, "k", a, b)
		cached(t, 0, "k", a, b)

		log.write("k")
		handled(t, first, 1)
		reads(t, 1, "k", a, b)
		cached(t, 1, "k", a, b)
		saved(t, rdb, stores[0], "1")
		first.Close()
		first.Close()
		stats := first.Stats()
		require.Equal(t, evict.ChangesStats{Changes: 1, Evictions: 2, Resets: 1, Lag: stats.Lag}, stats)
		require.Positive(t, stats.Lag)

		log.write("k", "other", "k")
		cached(t, 1, "k", a, b)
		second := follow(t, log, b)
		handled(t, second, 3)
		reads(t, 3, "k", a, b)
		require.Zero(t, second.Stats().Resets)
		require.Equal(t, []string{"", "1"}, log.asked())
	})
}

// Changes from before the first consumer are unknown, so everything that its targets cover is evicted, and nothing
// else.
func TestWithoutAPositionEverythingThatTheTargetsCoverIsEvicted(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, tt := range map[string]struct {
			target func(a *cache) evict.Target[string]
			all    bool
		}{
			"Key": {func(a *cache) evict.Target[string] { return evict.Key(a, itself) }, false},
			"Keys": {func(a *cache) evict.Target[string] {
				return evict.Keys(a, func(k string) []string { return []string{k} })
			}, false},
			"Expire": {func(a *cache) evict.Target[string] { return evict.Expire(a, itself) }, false},
			"All":    {func(a *cache) evict.Target[string] { return evict.All[string](a) }, false},
			"Tags": {func(a *cache) evict.Target[string] {
				return evict.Tags(a.Store(), func(k string) []string { return []string{k} })
			}, true},
		} {
			t.Run(name, func(t *testing.T) {
				st, log := open(t, rdb), newLog()
				a := cacheOf(st, log)
				bystander := cacheable.New(st, "bystander", log.load)
				reads(t, 0, "k", a, bystander)
				log.write("k")
				cached(t, 0, "k", a, bystander)
				changes := evict.FromChanges(t.Context(), st, "log", log.source, tt.target(a))
				t.Cleanup(changes.Close)
				begun(t, changes, 1)
				absent(t, "k", a)
				if tt.all {
					absent(t, "k", bystander)
				} else {
					cached(t, 0, "k", bystander)
				}
			})
		}
	})
}

// The source may report a lost position when a stream is opened, or later. Either way everything is evicted, once.
func TestALostPositionEvictsEverythingThatTheTargetsCover(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, log := open(t, rdb), newLog()
		c := cacheOf(st, log)
		changes := follow(t, log, c)
		begun(t, changes, 1)
		log.write("a")
		handled(t, changes, 1)
		reads(t, 0, "k", c)
		changes.Close()

		log.write("k")
		log.trim()
		changes = follow(t, log, c)
		begun(t, changes, 1)
		reads(t, 1, "k", c)
		log.write("k")
		handled(t, changes, 1)
		reads(t, 2, "k", c)
		require.EqualValues(t, 1, changes.Stats().Failures)
		require.Equal(t, []string{"", "1", ""}, log.asked())

		log.fail(evict.ErrPositionLost)
		eventually(t, "failures", func() bool { return changes.Stats().Failures >= 3 })
		log.write("k")
		log.fail(nil)
		begun(t, changes, 2)
		reads(t, 3, "k", c)
		log.write("k")
		handled(t, changes, 2)
		reads(t, 4, "k", c)
	})
}

// The source fails in every possible way, and the consumer continues from its position.
func TestTheSourceFails(t *testing.T) {
	st, log := open(t, client(t, redistest.Mini(t).Addr())), newLog()
	c := cacheOf(st, log)
	down := errors.New("connection refused")
	ways := []func(context.Context) (evict.Stream[string], error){
		func(context.Context) (evict.Stream[string], error) { return nil, down },
		func(context.Context) (evict.Stream[string], error) { return nil, nil },
		func(context.Context) (evict.Stream[string], error) { panic("in the source") },
		func(context.Context) (evict.Stream[string], error) { return failing{func() { panic("in Next") }}, nil },
		func(context.Context) (evict.Stream[string], error) { return failing{func() {}}, nil },
	}
	var calls int
	source := func(ctx context.Context, after string) (evict.Stream[string], error) {
		if calls++; calls <= len(ways) {
			return ways[calls-1](ctx)
		}
		return log.source(ctx, after)
	}
	log.breakAt = 2
	changes := evict.FromChanges(t.Context(), st, "log", source, evict.Key(c, itself))
	t.Cleanup(changes.Close)
	eventually(t, "the source works", func() bool { return changes.Stats().Leading && len(log.asked()) > 0 })
	begun(t, changes, 1) // only for the stream that works
	const writes = 20
	for range writes {
		log.write("k")
	}
	handled(t, changes, writes)
	reads(t, writes, "k", c)
	stats := changes.Stats()
	require.GreaterOrEqual(t, stats.Failures, int64(len(ways)+writes/2-1))
	require.EqualValues(t, 1, stats.Resets)
	require.EqualValues(t, 4, st.Stats().Panics, "in the source, in Next, and twice in Close")
	changes.Close()
	require.Zero(t, log.open(), "streams left open")
}

// failing is a stream that fails at once, and also fails to close.
type failing struct{ do func() }

func (f failing) Next(context.Context) (evict.Change[string], error) {
	f.do()
	return evict.Change[string]{}, errBroken
}

func (f failing) Close() error { panic("in Close") }

// If a target panics on an event the whole cache is evicted, so that no eviction is missed.
func TestATargetPanics(t *testing.T) {
	st, log := open(t, client(t, redistest.Mini(t).Addr())), newLog()
	c := cacheOf(st, log)
	changes := evict.FromChanges(t.Context(), st, "log", log.source, evict.Key(c, func(string) string { panic("which key?") }))
	t.Cleanup(changes.Close)
	begun(t, changes, 1)
	reads(t, 0, "k", c)
	log.write("k")
	handled(t, changes, 1)
	reads(t, 1, "k", c)
	require.EqualValues(t, 1, st.Stats().Panics)
}

// Changes in quick succession are evicted together, each key once, with one position.
func TestChangesThatComeFastAreEvictedTogether(t *testing.T) {
	rdb := client(t, redistest.Mini(t).Addr())
	st, log := open(t, rdb), newLog()
	c := cacheOf(st, log)
	changes := follow(t, log, c)
	begun(t, changes, 1)
	const writes = 5000
	log.change(func() {
		for i := range writes {
			log.writes = append(log.writes, strconv.Itoa(i%10))
		}
	})
	handled(t, changes, writes)
	stats := changes.Stats()
	t.Logf("%d changes, %d evictions", stats.Changes, stats.Evictions)
	require.Less(t, stats.Evictions, int64(writes/5))
	saved(t, rdb, st, strconv.Itoa(writes))
}

// A position without a change is stored, so that the stored one does not get too old while nothing changes.
func TestAnIdleSourceMovesThePosition(t *testing.T) {
	rdb := client(t, redistest.Mini(t).Addr())
	st, log := open(t, rdb), newLog()
	log.write("a", "b")
	log.idle = true
	changes := follow(t, log, cacheOf(st, log))
	saved(t, rdb, st, "2")
	stats := changes.Stats()
	require.Zero(t, stats.Changes)
	require.Zero(t, stats.Pending)
}

// The consumer ends with its context, with its Close, and with the store.
func TestChangesEnd(t *testing.T) {
	rdb := client(t, redistest.Mini(t).Addr())
	for name, end := range map[string]func(st *store.Store, cancel func()){
		"context": func(_ *store.Store, cancel func()) { cancel() },
		"store":   func(st *store.Store, _ func()) { require.NoError(t, st.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			st, log := open(t, rdb), newLog()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			changes := evict.FromChanges(ctx, st, "log", log.source, evict.Key(cacheOf(st, log), itself))
			begun(t, changes, 1)
			end(st, cancel)
			eventually(t, "the end", func() bool { return !changes.Stats().Leading })
			changes.Close()
			require.Zero(t, log.open())
		})
	}
	t.Run("closed before", func(t *testing.T) {
		st, log := open(t, rdb), newLog()
		require.NoError(t, st.Close())
		changes := evict.FromChanges(t.Context(), st, "log", log.source, evict.Key(cacheOf(st, log), itself))
		changes.Close()
		require.Empty(t, log.asked())
	})
	t.Run("while it waits for Redis", func(t *testing.T) {
		server, log := redistest.Mini(t), newLog()
		st := open(t, client(t, server.Addr()), store.Timeout(50*time.Millisecond))
		changes := follow(t, log, cacheOf(st, log))
		begun(t, changes, 1)
		server.SetError("LOADING")
		log.write("k")
		eventually(t, "retries", func() bool { return changes.Stats().Retries > 1 })
		var closing sync.WaitGroup
		closing.Go(changes.Close)
		closing.Wait()
		server.SetError("")
	})
}

func TestMisuseOfChangesPanics(t *testing.T) {
	stores, log := fleet(t, client(t, redistest.Mini(t).Addr()), 2), newLog()
	c := cacheOf(stores[0], log)
	key := evict.Key(c, itself)
	ctx, st := t.Context(), stores[0]
	for name, tt := range map[string]struct {
		start func()
		want  string
	}{
		"no store":      {func() { evict.FromChanges(ctx, nil, "log", log.source, key) }, "the store and the source must not be nil"},
		"no source":     {func() { evict.FromChanges[string](ctx, st, "log", nil, key) }, "the store and the source must not be nil"},
		"no name":       {func() { evict.FromChanges(ctx, st, "", log.source, key) }, "the store and the source must not be nil, the name not empty"},
		"no targets":    {func() { evict.FromChanges(ctx, st, "log", log.source) }, "name at least one target"},
		"nil target":    {func() { evict.FromChanges(ctx, st, "log", log.source, key, nil) }, "target 2 is nil"},
		"hold":          {func() { evict.FromChanges(ctx, st, "log", log.source, key, evict.HoldFor(time.Second)) }, "target 2 (HoldFor) does not fit"},
		"another store": {func() { evict.FromChanges(ctx, stores[1], "log", log.source, key) }, "the targets belong to another store"},
		"replace": {func() {
			evict.FromChanges(ctx, st, "log", log.source, evict.Replace(c, func(k string, v int64) (string, int64) { return k, v }))
		}, "target 1 (Replace) does not fit"},
	} {
		t.Run(name, func(t *testing.T) { require.Contains(t, panics(t, tt.start), "evict: FromChanges: "+tt.want) })
	}
}
