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

	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// While Redis is unreachable no change is lost and the position does not move. Afterwards all changes are evicted.
func TestChangesOutliveAnOutage(t *testing.T) {
	for outage, strike := range map[string]func(p *redistest.Proxy){"cut": (*redistest.Proxy).Cut, "hang": (*redistest.Proxy).Hang} {
		t.Run(outage, func(t *testing.T) {
			server := redistest.Start(t)
			proxy := redistest.StartProxy(t, server.Addr())
			direct, namespace, log := server.Client(t), redistest.Unique(t), newLog()
			near := join(t, client(t, proxy.Addr()), namespace, store.Timeout(100*time.Millisecond))
			far := cacheOf(join(t, direct, namespace), log)
			changes := follow(t, log, cacheOf(near, log))
			begun(t, changes, 1)
			log.write("first")
			handled(t, changes, 1)
			saved(t, direct, near, "1")
			reads(t, 0, "k", far)

			strike(proxy)
			const writes = 3000
			for i := range writes {
				log.write("k" + strconv.Itoa(i%7))
			}
			log.write("k")
			eventually(t, "retries", func() bool { return changes.Stats().Retries > 3 })
			stats := changes.Stats()
			require.EqualValues(t, 1, stats.Changes)
			require.Positive(t, stats.Pending)
			require.LessOrEqual(t, stats.Pending, int64(1100), "the source is not read on")
			require.Equal(t, "1", position(t, direct, near))
			cached(t, 0, "k", far)
			time.Sleep(50 * time.Millisecond) // for the lag to grow
			require.Greater(t, changes.Stats().Lag, 50*time.Millisecond)

			proxy.Heal()
			began := time.Now()
			handled(t, changes, writes+2)
			t.Logf("%d changes were handled within %v of Redis being back", writes+1, time.Since(began))
			reads(t, 1, "k", far)
			saved(t, direct, near, strconv.Itoa(writes+2))
			require.EqualValues(t, 1, changes.Stats().Resets)
			require.Zero(t, changes.Stats().Failures)
		})
	}
}

// A Redis that is paused and resumed has lost nothing. One that is killed without persistence has lost the position, so
// everything that may have changed is evicted.
func TestRedisStopsWhileChangesCome(t *testing.T) {
	for name, tt := range map[string]struct {
		down, up func(s *redistest.Server)
		resets   int64
	}{
		"paused": {(*redistest.Server).Pause, (*redistest.Server).Resume, 1},
		"killed": {(*redistest.Server).Kill, (*redistest.Server).Restart, 2},
	} {
		t.Run(name, func(t *testing.T) {
			server, log := redistest.Start(t), newLog()
			st := open(t, server.Client(t), store.Timeout(100*time.Millisecond), store.LeaseTime(500*time.Millisecond))
			c := cacheOf(st, log)
			changes := follow(t, log, c)
			begun(t, changes, 1)
			log.write("k")
			handled(t, changes, 1)
			saved(t, server.Client(t), st, "1")
			reads(t, 1, "k", c)

			tt.down(server)
			log.write("k")
			eventually(t, "retries", func() bool { return changes.Stats().Retries > 1 })
			tt.up(server)
			begun(t, changes, tt.resets)
			if tt.resets == 1 { // otherwise everything is evicted, so the change need not be delivered again
				handled(t, changes, 2)
			}
			reads(t, 2, "k", c)
			log.write("k")
			eventually(t, "the last change", func() bool { v, err := c.Get(t.Context(), "k"); return err == nil && v == 3 })
			saved(t, server.Client(t), st, "3")
		})
	}
}

// Redis restarts with data from before an eviction that it had confirmed, so the old value is back. The position is as
// old as the value, so all later changes are evicted again.
func TestRedisGoesBackBehindConfirmedEvictions(t *testing.T) {
	server, log := redistest.Start(t, "dbfilename dump.rdb"), newLog()
	st := open(t, server.Client(t), store.LeaseTime(500*time.Millisecond))
	c := cacheOf(st, log)
	changes := follow(t, log, c)
	begun(t, changes, 1)
	log.write("first")
	handled(t, changes, 1)
	saved(t, server.Client(t), st, "1")
	reads(t, 0, "k", c)
	cached(t, 0, "k", c)
	_, err := server.Do(t.Context(), "SAVE")
	require.NoError(t, err)

	log.write("k")
	handled(t, changes, 2)
	reads(t, 1, "k", c)
	saved(t, server.Client(t), st, "2")
	asked := log.asked()
	require.Equal(t, []string{""}, asked)
	server.Kill()
	server.Restart()

	began := time.Now()
	eventually(t, "the eviction is repeated", func() bool { return changes.Stats().Changes >= 3 })
	t.Logf("what Redis had forgotten was evicted again %v after its restart", time.Since(began))
	require.Equal(t, []string{"", "1"}, log.asked())
	reads(t, 1, "k", c)
	require.EqualValues(t, 1, changes.Stats().Resets)
}

// One process consumes. When it ends another takes over at once; when it is cut off, after its lease. The position
// never moves back, whatever the process that was cut off still tries.
func TestOneProcessConsumes(t *testing.T) {
	const lease = 2 * time.Second // which a busy machine does not let run out between two renewals
	server, log := redistest.Start(t), newLog()
	proxy := redistest.StartProxy(t, server.Addr())
	direct, namespace := server.Client(t), redistest.Unique(t)
	options := []store.Option{store.LeaseTime(lease), store.Timeout(time.Second)}
	a := cacheOf(join(t, client(t, proxy.Addr()), namespace, options...), log)
	b := cacheOf(join(t, direct, namespace, options...), log)

	seen := watch(t, direct, b.Store())
	first := follow(t, log, a)
	begun(t, first, 1)
	second := follow(t, log, b)
	log.write("k")
	handled(t, first, 1)
	saved(t, direct, b.Store(), "1") // else the second would begin after the writes that follow
	require.False(t, second.Stats().Leading)

	proxy.Hang()
	for range 10 {
		log.write("k")
	}
	handled(t, second, 10)
	reads(t, 11, "k", b)
	require.Zero(t, second.Stats().Resets)
	proxy.Heal()
	eventually(t, "the first gives up", func() bool { return !first.Stats().Leading })
	require.True(t, second.Stats().Leading)

	before := first.Stats().Changes // it may have evicted, once Redis was back, what the second had evicted before
	second.Close()
	log.write("k")
	handled(t, first, before+1)
	reads(t, 12, "k", a, b)
	saved(t, direct, b.Store(), "12")
	require.IsNonDecreasing(t, seen())
	require.LessOrEqual(t, log.open(), 1)
}

// watch reads the stored position continuously, until the returned function is called or the test ends.
func watch(t *testing.T, rdb redis.UniversalClient, st *store.Store) (seen func() []int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	var positions []int
	watching.Go(func() {
		for ctx.Err() == nil {
			if at, err := strconv.Atoi(position(t, rdb, st)); err == nil { // before the first one there is none
				positions = append(positions, at)
			}
		}
	})
	seen = func() []int {
		stop()
		watching.Wait()
		return positions
	}
	t.Cleanup(func() { seen() })
	return seen
}

// A source may take longer to open than a lease lasts, while other processes wait.
func TestASourceIsSlowToOpen(t *testing.T) {
	const lease = 2 * time.Second // which a busy machine does not let run out between two renewals
	stores, log := fleet(t, client(t, redistest.Mini(t).Addr()), 2, store.LeaseTime(lease)), newLog()
	var mu sync.Mutex
	opening := 0
	slow := func(ctx context.Context, after string) (evict.Stream[string], error) {
		mu.Lock()
		opening++
		mu.Unlock()
		time.Sleep(3 * lease / 2) // what takes the time is outside of what the test can see
		return log.source(ctx, after)
	}
	var all []*evict.Changes
	for _, st := range stores {
		changes := evict.FromChanges(t.Context(), st, "log", slow, evict.Key(cacheOf(st, log), itself))
		t.Cleanup(changes.Close)
		all = append(all, changes)
	}
	eventually(t, "one listens", func() bool { return all[0].Stats().Resets+all[1].Stats().Resets == 1 })
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, 1, opening)
}

// crash is a hook that lets a process do everything except save a position, as if it had died just before that.
type crash struct{}

func (crash) DialHook(next redis.DialHook) redis.DialHook { return next }
func (crash) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (crash) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if op, _, ok := positionCall(cmd); ok && op != "take" {
			cmd.SetErr(errors.New("died"))
			return cmd.Err()
		}
		return next(ctx, cmd)
	}
}

// A process that dies between an eviction and saving its position leaves an older position: the next process repeats
// the eviction.
func TestAConsumerDiesBetweenEvictionAndPosition(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		namespace, log := redistest.Unique(t), newLog()
		lease := store.LeaseTime(200 * time.Millisecond)
		b := cacheOf(join(t, rdb, namespace, lease), log)
		healthy := follow(t, log, b)
		begun(t, healthy, 1)
		log.write("k")
		handled(t, healthy, 1)
		healthy.Close()

		doomed := join(t, rdb, namespace, lease, store.Hooks(crash{}))
		dying := follow(t, log, cacheOf(doomed, log))
		log.write("k", "k")
		handled(t, dying, 2)
		dying.Close()
		require.Equal(t, "1", position(t, rdb, doomed))

		log.write("k")
		heir := follow(t, log, b)
		handled(t, heir, 3)
		require.Equal(t, []string{"", "1", "1"}, log.asked())
		require.Zero(t, heir.Stats().Resets)
		reads(t, 4, "k", b)
	})
}
