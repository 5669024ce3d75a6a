package store_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/checkpoint"
	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// restricted is an entry on a node whose user of Redis lacks some commands. What the node queues waits until the user
// may do everything, which is at the end of the test.
type restricted struct {
	*testEntry
	server *redistest.Server
}

func restrict(e *testEntry, server *redistest.Server, options ...store.Option) *restricted {
	e.t.Helper()
	r := &restricted{server: server}
	r.lacks(e.t)
	r.testEntry = &testEntry{t: e.t, st: e.st, Cache: e.Cache, Ref: e.Ref, rdb: server.Client(e.t, func(o *redis.Options) {
		o.Username, o.Password = "restricted", "any"
	})}
	r.testEntry = r.elsewhere(append([]store.Option{store.Strict(), store.LookAround(time.Hour)}, options...)...)
	resume := r.st.SuspendReplay()
	e.t.Cleanup(func() { r.lacks(e.t); resume() }) // before the store closes
	return r
}

// lacks denies the user these commands, and no others.
func (r *restricted) lacks(t testing.TB, commands ...string) {
	t.Helper()
	rules := []any{"ACL", "SETUSER", "restricted", "on", "nopass", "~*", "&*", "+@all"}
	for _, name := range commands {
		rules = append(rules, "-"+name)
	}
	_, err := r.server.Do(context.WithoutCancel(t.Context()), rules...)
	require.NoError(t, err)
}

// What a script can't find out is an error, and not the answer that there is nothing.
func TestACommandThatTheUserLacksIsAnError(t *testing.T) {
	commands := []string{"get", "getrange", "set", "setrange", "pttl", "pexpire", "unlink", "del", "time", "hmget", "hset"}
	var (
		evicts = func(r *restricted) error { return r.st.Evict(r.t.Context(), r.Ref.Key) }
		puts   = func(r *restricted) error { _, err := r.Put(r.t.Context(), &r.Ref, result("new")); return err }
	)
	for _, tt := range []struct {
		name  string
		needs string // commands
		held  bool   // by a writer of another node, whose hold must stand afterwards
		with  func(e *testEntry, r *restricted) (do func(*restricted) error)
	}{
		{"evict an entry", "getrange unlink", false, func(e *testEntry, _ *restricted) func(*restricted) error {
			e.load("old")
			return evicts
		}},
		{"evict what is held", "getrange get time setrange", true, func(e *testEntry, _ *restricted) func(*restricted) error {
			e.hold(e.Ref.Key)
			return evicts
		}},
		{"put", "get pttl getrange set", false, func(e *testEntry, _ *restricted) func(*restricted) error {
			e.load("old")
			return puts
		}},
		{"put over a hold", "get pttl getrange", true, func(e *testEntry, _ *restricted) func(*restricted) error {
			e.load("old")
			e.hold(e.Ref.Key)
			return puts
		}},
		{"hold", "time get set", false, func(e *testEntry, _ *restricted) func(*restricted) error {
			e.load("old")
			return func(r *restricted) error { _, err := r.st.Engine().Evictor.Hold(r.t.Context(), r.Ref.Key); return err }
		}},
		{"end the only hold", "time get unlink", false, func(_ *testEntry, r *restricted) func(*restricted) error {
			h := r.hold(r.Ref.Key)
			return func(r *restricted) error { return h.End(r.t.Context(), 0) }
		}},
		{"end a hold beside another's", "time get set", true, func(e *testEntry, r *restricted) func(*restricted) error {
			e.hold(e.Ref.Key)
			h := r.hold(r.Ref.Key)
			return func(r *restricted) error { return h.End(r.t.Context(), 0) }
		}},
		{"touch", "getrange pttl", false, func(e *testEntry, _ *restricted) func(*restricted) error {
			e.load("one")
			return func(r *restricted) error { return r.Touch(r.t.Context(), r.Ref.Key, time.Minute) }
		}},
		{"touch what would expire", "getrange pttl pexpire", false, func(e *testEntry, _ *restricted) func(*restricted) error {
			e.load("one")
			return func(r *restricted) error { return r.Touch(r.t.Context(), r.Ref.Key, 2*ttl) }
		}},
		{"acquire", "time getrange pttl set get", false, func(e *testEntry, _ *restricted) func(*restricted) error {
			e.load("old")
			e.evict(e.Ref.Key)
			return func(r *restricted) error { _, _, err := r.Acquire(r.t.Context(), &r.Ref, entry.Entry{}); return err }
		}},
		{"fill", "getrange set get", false, func(_ *testEntry, r *restricted) func(*restricted) error {
			lease := r.acquire()
			return func(r *restricted) error { _, err := lease.Store(r.t.Context(), result("one")); return err }
		}},
		{"drop a lease", "getrange unlink get", false, func(_ *testEntry, r *restricted) func(*restricted) error {
			lease := r.acquire()
			return func(r *restricted) error { _, err := lease.Release(r.t.Context()); return err }
		}},
		{"renew a lease", "getrange pexpire", false, func(_ *testEntry, r *restricted) func(*restricted) error {
			lease := r.acquire()
			return func(r *restricted) error { _, err := lease.RenewOnce(r.t.Context()); return err }
		}},
		{"take a checkpoint", "time hmget hset pexpire", false, func(*testEntry, *restricted) func(*restricted) error {
			return func(r *restricted) error {
				_, err := r.st.Engine().Checkpoints.Take(r.t.Context(), "orders")
				return err
			}
		}},
		{"save a checkpoint", "time hmget hset pexpire", false, func(_ *testEntry, r *restricted) func(*restricted) error {
			b := take(r.t.(*testing.T), r.st)
			return func(r *restricted) error { return b.Save(r.t.Context(), "here") }
		}},
		{"release a checkpoint", "time hmget hset", false, func(_ *testEntry, r *restricted) func(*restricted) error {
			b := take(r.t.(*testing.T), r.st)
			return func(r *restricted) error { return b.Release(r.t.Context()) }
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := redistest.Start(t)
			for _, lacking := range commands {
				t.Run(lacking, func(t *testing.T) {
					e := newEntry(t, server.Client(t))
					r := restrict(e, server)
					do := tt.with(e, r)
					r.lacks(t, lacking)
					err := do(r)
					if tt.held {
						require.Equal(t, "held", e.sees())
						r.st.ReplayOnce(t.Context())
						require.Equal(t, "held", e.sees(), "after a repetition")
					}
					if !slices.Contains(strings.Fields(tt.needs), lacking) {
						require.NoError(t, err)
						return
					}
					require.ErrorIs(t, err, store.ErrUnavailable)
				})
			}
		})
	}
}

// An eviction that Redis refuses is queued and logged. It leaves the hold of another writer alone, and reaches it later:
// what the writer has loaded meanwhile is not stored.
func TestAnEvictionThatRedisRefusesReachesTheHoldLater(t *testing.T) {
	server := redistest.Start(t)
	for _, tt := range []struct {
		lacking string
		replays int // with only the commands that there are
	}{
		{"getrange", 1}, // the replay needs none
		{"get", 0},
		{"setrange", 1},
	} {
		t.Run(tt.lacking, func(t *testing.T) {
			e, log := newEntry(t, server.Client(t)), redistest.NewLog(slog.LevelInfo)
			r := restrict(e, server, store.Logger(log.Logger()))
			keys := []store.Key{e.Ref.Key, e.st.Tag("tag")}
			for i, key := range keys {
				e.load("old")
				stale := e.replacement("stale")
				h := e.hold(key)
				r.lacks(t, tt.lacking)
				if key == e.st.Tag("tag") && tt.replays > 0 { // a tag and its bucket are evicted by the scripts of the replay
					require.NoError(t, r.st.Evict(t.Context(), key))
					require.Equal(t, "held", e.sees())
					r.lacks(t)
					e.end(h, stale)
					require.NotEqual(t, "value stale", e.sees())
					continue
				}
				require.ErrorIs(t, r.st.Evict(t.Context(), key), store.ErrQueued)
				require.Equal(t, "held", e.sees())
				require.EqualValues(t, 1, r.st.Stats().Pending)
				require.Len(t, log.At(slog.LevelWarn, queueing), i+1)

				require.Equal(t, tt.replays, r.st.ReplayOnce(t.Context()))
				require.Equal(t, "held", e.sees())
				r.lacks(t)
				r.st.ReplayOnce(t.Context())
				require.Zero(t, r.st.Stats().Pending)
				require.Equal(t, "held", e.sees())
				e.end(h, stale)
				require.NotEqual(t, "value stale", e.sees())
			}
		})
	}
}

// A value that can't be put leaves the hold of a writer where it is.
func TestAPutThatRedisRefusesDoesNotReplaceAHold(t *testing.T) {
	server := redistest.Start(t)
	e := newEntry(t, server.Client(t))
	r := restrict(e, server)
	h := e.hold(e.Ref.Key)
	r.lacks(t, "getrange")
	stored, err := r.Put(t.Context(), &r.Ref, result("put"))
	require.Equal(t, "held", e.sees())
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.False(t, stored)
	require.EqualValues(t, 1, r.st.Stats().Pending, "what was there is evicted later")
	e.end(h)
}

// A user who could not give a lease back does not get it, so nobody waits for it to run out. The reads go to the loader,
// and their errors are counted.
func TestReadsOfAUserWhoMayNotStoreDoNotWait(t *testing.T) {
	server := redistest.Start(t)
	e := newEntry(t, server.Client(t), store.LeaseTime(time.Hour))
	r := restrict(e, server, store.LeaseTime(time.Hour))
	r.lacks(t, "getrange")
	value := cacheable.New(r.st, "cache", func(context.Context, string) (string, error) { return "loaded", nil })
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	const reads = 3
	for range reads {
		v, err := value.Get(ctx, "key")
		require.NoError(t, err)
		require.Equal(t, "loaded", v)
	}
	stats := r.st.Stats().Caches["cache"]
	require.EqualValues(t, reads, stats.RedisErrors)
	require.EqualValues(t, reads, stats.Bypasses)
	require.False(t, e.exists(e.addr()), "no lease is left")
}

// That a key is of another type is an answer, not an error: there is no record of the store's.
func TestAKeyOfAnotherTypeIsNoRecord(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEntry(t, rdb)
		plant := func(addr string) {
			require.NoError(t, rdb.Del(t.Context(), addr).Err())
			require.NoError(t, rdb.LPush(t.Context(), addr, "x").Err())
		}
		for name, do := range map[string]func(){
			"renew": func() {
				lease := e.acquire()
				plant(e.addr())
				renewed, err := lease.RenewOnce(t.Context())
				require.NoError(t, err)
				require.False(t, renewed)
			},
			"fill": func() {
				lease := e.acquire()
				plant(e.addr())
				require.False(t, e.fill(lease, "one"))
			},
			"touch": func() {
				plant(e.addr())
				require.NoError(t, e.Touch(t.Context(), e.Ref.Key, ttl))
			},
			"end": func() {
				h := e.hold(e.Ref.Key)
				plant(e.addr())
				e.end(h)
				require.False(t, e.exists(e.addr()))
			},
			"checkpoint": func() {
				plant(checkpointAddr(e.st.Namespace()))
				b := take(t, e.st)
				require.NoError(t, b.Save(t.Context(), "here"))
				plant(checkpointAddr(e.st.Namespace()))
				require.ErrorIs(t, b.Save(t.Context(), "there"), checkpoint.ErrTaken)
			},
		} {
			t.Run(name, func(t *testing.T) {
				e.evict(e.Ref.Key)
				do()
				e.evict(e.Ref.Key)
				require.False(t, e.exists(e.addr()))
			})
		}
	})
}
