package evict_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// An eviction that replicas do not confirm is done: it holds up nothing and is not repeated.
func TestChangesGoOnWithoutReplicas(t *testing.T) {
	rdb := redistest.Start(t).Client(t)
	lines := redistest.NewLog(slog.LevelInfo)
	st, log := open(t, rdb, store.WaitForReplicas(1, 5*time.Millisecond), store.Logger(lines.Logger())), newLog()
	c := cacheOf(st, log)
	changes := evict.FromChanges(t.Context(), st, "log", log.source, evict.Key(c, itself), evict.Expire(c, itself))
	t.Cleanup(changes.Close)
	begun(t, changes, 1)
	for n := range int64(3) {
		reads(t, n, "k", c)
		log.write("k")
		handled(t, changes, n+1)
	}
	reads(t, 3, "k", c)
	saved(t, rdb, st, "3")
	stats := changes.Stats()
	require.EqualValues(t, 1, stats.Resets)
	require.Zero(t, stats.Retries)
	require.EqualValues(t, 4, stats.Unreplicated, "the reset, and one for each change")
	require.Len(t, lines.With("too few replicas"), 1)
}

// A stream that opens and fails at once empties no cache until it works. What was changed meanwhile is covered then. The
// statistics say all the time that the source fails.
func TestAStreamThatFailsAtOnceResetsOnce(t *testing.T) {
	st, log := open(t, client(t, redistest.Mini(t).Addr())), newLog()
	c := cacheOf(st, log)
	log.instantly = true
	reads(t, 0, "k", c)
	changes := follow(t, log, c)
	eventually(t, "attempts", func() bool { return changes.Stats().Failures >= 5 })
	log.write("k")
	cached(t, 0, "k", c)
	stats := changes.Stats()
	require.Zero(t, stats.Resets)
	require.Positive(t, stats.FailingFor)
	require.GreaterOrEqual(t, stats.Lag, stats.FailingFor)
	require.Positive(t, stats.Pending)
	require.GreaterOrEqual(t, stats.ConsecutiveFailures, int64(5))
	require.Equal(t, errBroken.Error(), stats.LastError)

	log.change(func() { log.instantly = false })
	begun(t, changes, 1)
	reads(t, 1, "k", c)
	stats = changes.Stats()
	require.Zero(t, stats.FailingFor)
	require.Zero(t, stats.ConsecutiveFailures)
	require.Zero(t, stats.Pending)
	require.Equal(t, errBroken.Error(), stats.LastError)
}

// A first position that can't be saved is not forgotten while the source fails.
func TestAnUnsavedPositionIsKept(t *testing.T) {
	log := newLog()
	w := &witness{log: log, covered: make(map[string]int), saving: "refused"}
	rdb := client(t, redistest.Mini(t).Addr())
	st := open(t, rdb, store.Hooks(w), store.LeaseTime(300*time.Millisecond))
	changes := follow(t, log, cacheOf(st, log))
	begun(t, changes, 1)
	log.write("k")
	handled(t, changes, 1)
	log.change(func() { log.instantly = true })
	eventually(t, "failures", func() bool { return changes.Stats().Failures >= 3 })
	log.change(func() { log.instantly = false })
	eventually(t, "the source works", func() bool { return changes.Stats().FailingFor == 0 })
	require.Equal(t, "1", log.asked()[len(log.asked())-1])
	require.Empty(t, position(t, rdb, st))
	require.EqualValues(t, 1, changes.Stats().Resets)
	w.faulty("")
	saved(t, rdb, st, "1")
}

// A change that can't be read is passed with everything evicted, in whatever way it fails. A source that is away is not
// taken for one.
func TestAChangeThatCannotBeReadIsPassed(t *testing.T) {
	for name, next := range map[string]func() (evict.Stream[string], error){
		"open fails": func() (evict.Stream[string], error) { return nil, errPoisonous },
		"Next fails": func() (evict.Stream[string], error) { return sick{func() error { return errPoisonous }}, nil },
		"Next panics": func() (evict.Stream[string], error) {
			return sick{func() error { panic("which change?") }}, nil
		},
		"Next fails late": func() (evict.Stream[string], error) {
			return sick{func() error { time.Sleep(300 * time.Millisecond); return errPoisonous }}, nil // as long as a slow answer
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := redistest.NewLog(slog.LevelInfo)
			rdb := client(t, redistest.Mini(t).Addr())
			st, log := open(t, rdb, store.Logger(lines.Logger())), newLog()
			c := cacheOf(st, log)
			source := func(ctx context.Context, after string) (evict.Stream[string], error) {
				if after == "1" {
					return next()
				}
				return log.source(ctx, after)
			}
			log.breakAt = 1 // so that the consumer continues from its position
			changes := evict.FromChanges(t.Context(), st, "log", source, evict.Key(c, itself))
			t.Cleanup(changes.Close)
			begun(t, changes, 1)
			reads(t, 0, "poison", c)
			log.write("first")
			handled(t, changes, 1)
			log.write("poison")
			begun(t, changes, 2)
			reads(t, 1, "poison", c)
			log.write("poison")
			handled(t, changes, 2)
			reads(t, 2, "poison", c)
			stats := changes.Stats()
			require.EqualValues(t, 1, stats.Passed)
			require.EqualValues(t, 2, stats.Resets)
			require.Len(t, lines.With("this position is given up"), 1)
		})
	}
	t.Run("the source is away", func(t *testing.T) {
		t.Parallel()
		rdb := client(t, redistest.Mini(t).Addr())
		st, log := open(t, rdb), newLog()
		changes := follow(t, log, cacheOf(st, log))
		begun(t, changes, 1)
		log.write("k")
		saved(t, rdb, st, "1")
		log.fail(errBroken)
		eventually(t, "failures", func() bool { return changes.Stats().Failures >= 8 })
		log.write("k")
		log.fail(nil)
		handled(t, changes, 2)
		stats := changes.Stats()
		require.EqualValues(t, 1, stats.Resets)
		require.Zero(t, stats.Passed)
	})
}

// sick is a stream whose Next fails.
type sick struct{ next func() error }

func (s sick) Next(context.Context) (evict.Change[string], error) {
	return evict.Change[string]{}, s.next()
}

func (sick) Close() error { return nil }

// refusing answers evictions of some keys with an error, or with a panic if the error is nil.
type refusing struct {
	err   error
	keys  func(key string) bool
	tries atomic.Int64
}

func (h *refusing) send(_ context.Context, cmds []redis.Cmder, send func() error) error {
	for _, cmd := range cmds {
		if args := cmd.Args(); strings.HasPrefix(cmd.Name(), "eval") && h.keys(fmt.Sprint(args[3])) {
			h.tries.Add(1)
			if h.err == nil {
				panic("in a hook")
			}
			for _, cmd := range cmds {
				cmd.SetErr(h.err)
			}
			return h.err
		}
	}
	return send()
}

// reply is an error that Redis replies with.
type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

// Evictions that are refused for their own sake are replaced by wider ones, after a few tries.
func TestAChangeThatCannotBeEvictedIsPassed(t *testing.T) {
	for name, tt := range map[string]struct {
		err error
		all bool // the whole cache can't be evicted either
	}{
		"too large":      {reply("ERR string exceeds maximum allowed size (proto-max-bulk-len)"), false},
		"of the client":  {errors.New("too large"), false},
		"the cache, too": {reply("ERR bad key"), true},
		"panic":          {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hook, lines := &refusing{err: tt.err}, redistest.NewLog(slog.LevelInfo)
			hook.keys = func(key string) bool {
				return strings.HasSuffix(key, "{c:poison}") || tt.all && strings.HasSuffix(key, "{#all:c}")
			}
			rdb := client(t, redistest.Mini(t).Addr())
			namespace, log := redistest.Unique(t), newLog()
			st := join(t, rdb, namespace, store.Hooks(redistest.Hook(hook.send)), store.Logger(lines.Logger()))
			reader := cacheOf(join(t, rdb, namespace), log)
			changes := follow(t, log, cacheOf(st, log))
			begun(t, changes, 1)
			reads(t, 0, "poison", reader)
			log.write("before", "poison", "after")
			handled(t, changes, 3)
			saved(t, rdb, st, "3")
			eventually(t, "the other node hears of it", func() bool {
				v, err := reader.Get(t.Context(), "poison")
				return err == nil && v == 1
			})
			stats := changes.Stats()
			require.EqualValues(t, 1, stats.Passed)
			require.EqualValues(t, 1, stats.Resets)
			require.Len(t, lines.With("refused again and again"), 1)
		})
	}
}

// While Redis refuses what the store does, changes wait: to evict more would not help.
func TestARefusalOfRedisIsNoPoison(t *testing.T) {
	for _, refusal := range []string{"NOPERM", "OOM", "READONLY", "ERR something new"} {
		t.Run(refusal, func(t *testing.T) {
			t.Parallel()
			var on atomic.Bool
			hook := &refusing{err: reply(refusal), keys: func(string) bool { return on.Load() }}
			rdb := client(t, redistest.Mini(t).Addr())
			st, log := open(t, rdb, store.Hooks(redistest.Hook(hook.send))), newLog()
			changes := follow(t, log, cacheOf(st, log))
			begun(t, changes, 1)
			on.Store(true)
			log.write("k")
			eventually(t, "retries", func() bool { return changes.Stats().Retries > 8 })
			on.Store(false)
			handled(t, changes, 1)
			stats := changes.Stats()
			require.Zero(t, stats.Passed)
			require.EqualValues(t, 1, stats.Resets)
		})
	}
}
