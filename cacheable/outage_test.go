package cacheable_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// trouble is something that happens to Redis, or to the way to it.
type trouble struct {
	name string
	// start returns the address to reach Redis by, one that is never disturbed, and what begins and ends the trouble.
	start func(t *testing.T) (addr, direct string, begin, end func())
}

var troubles = []trouble{
	{"killed", func(t *testing.T) (string, string, func(), func()) {
		s := redistest.Start(t)
		return s.Addr(), s.Addr(), s.Kill, s.Restart
	}},
	{"paused", func(t *testing.T) (string, string, func(), func()) {
		s := redistest.Start(t)
		return s.Addr(), s.Addr(), s.Pause, s.Resume
	}},
	{"hanging", func(t *testing.T) (string, string, func(), func()) {
		s := redistest.Start(t)
		p := redistest.StartProxy(t, s.Addr())
		return p.Addr(), s.Addr(), p.Hang, p.Heal
	}},
	{"cut", func(t *testing.T) (string, string, func(), func()) {
		s := redistest.Start(t)
		p := redistest.StartProxy(t, s.Addr())
		return p.Addr(), s.Addr(), p.Cut, p.Heal
	}},
	{"slow", func(t *testing.T) (string, string, func(), func()) {
		s := redistest.Start(t)
		p := redistest.StartProxy(t, s.Addr())
		return p.Addr(), s.Addr(), func() { p.Delay(timeout / 2) }, p.Heal
	}},
	{"full", func(t *testing.T) (string, string, func(), func()) {
		s := redistest.Start(t)
		limit := func(bytes string) func() {
			return func() {
				_, err := s.Do(context.Background(), "CONFIG", "SET", "maxmemory", bytes)
				assert.NoError(t, err)
			}
		}
		return s.Addr(), s.Addr(), limit("1"), limit("0")
	}},
	{"read-only", func(t *testing.T) (string, string, func(), func()) {
		s := redistest.Start(t)
		become := func(host, port string) func() {
			return func() {
				_, err := s.Do(context.Background(), "REPLICAOF", host, port)
				assert.NoError(t, err)
			}
		}
		_, err := s.Do(t.Context(), "CONFIG", "SET", "replica-serve-stale-data", "yes")
		require.NoError(t, err)
		return s.Addr(), s.Addr(), become("127.0.0.1", "1"), become("NO", "ONE")
	}},
	{"locked", func(t *testing.T) (string, string, func(), func()) {
		s := redistest.Start(t)
		password := func(p string) func() {
			return func() {
				rdb := redis.NewClient(&redis.Options{Addr: s.Addr(), Password: "secret"})
				defer func() { assert.NoError(t, rdb.Close()) }()
				assert.NoError(t, rdb.ConfigSet(context.Background(), "requirepass", p).Err())
				assert.NoError(t, rdb.Do(context.Background(), "client", "kill", "type", "normal", "skipme", "yes").Err())
			}
		}
		return s.Addr(), s.Addr(), password("secret"), password("")
	}},
}

// timeout is that of stores that live through trouble.
const timeout = 100 * time.Millisecond

// Before, during and after the trouble 50 callers read, others refresh, and writers change the source and evict: no
// read fails, and none sees less than what was evicted before it began. When it is over every node has the truth.
func TestNoReadFailsAndNoneIsWrongWhenRedisIs(t *testing.T) {
	for _, trouble := range troubles {
		t.Run(trouble.name, func(t *testing.T) {
			addr, direct, begin, end := trouble.start(t)
			w := newWorld(t, client(t, addr))
			w.live(t, "before")
			begin()
			w.live(t, "during")
			end()
			w.live(t, "after")
			eventually(t, "the evictions that failed", func() bool { return w.st.Stats().Pending == 0 })

			fresh := join(t, client(t, direct), w.st.Namespace())
			other := cacheable.New(fresh, "c", w.load)
			for key := range w.rows {
				for _, c := range []*cacheable.Cacheable[int, int64]{other, w.cache} {
					v, err := c.Get(t.Context(), key)
					require.NoError(t, err)
					require.Equal(t, w.rows[key].version.Load(), v)
				}
			}
			eventually(t, "hits", func() bool {
				_, info, err := w.cache.GetInfo(t.Context(), 0)
				return err == nil && info.Source == cacheable.SourceHit
			})
			require.Zero(t, w.st.Stats().Panics)
		})
	}
}

// world is a source with some rows, and one node that caches them.
type world struct {
	rows  [6]row
	st    *store.Store
	cache *cacheable.Cacheable[int, int64]
	reads atomic.Int64
}

type row struct{ version, evicted atomic.Int64 }

func newWorld(t *testing.T, rdb redis.UniversalClient) *world {
	w := &world{st: open(t, rdb, store.Timeout(timeout), store.LeaseTime(300*time.Millisecond))}
	w.cache = cacheable.New(w.st, "c", w.load, cacheable.Tags(func(k int) []string { return []string{strconv.Itoa(k)} }))
	return w
}

func (w *world) load(_ context.Context, key int) (int64, error) {
	v := w.rows[key].version.Load()
	time.Sleep(rand.N(2 * time.Millisecond))
	return v, nil
}

// live reads, refreshes and writes for a while.
func (w *world) live(t *testing.T, when string) {
	t.Helper()
	var wg sync.WaitGroup
	began := time.Now()
	for i := range 50 {
		get := w.cache.Get
		if i%10 == 0 {
			get = w.cache.Refresh
		}
		wg.Go(func() {
			for range 4 {
				key := rand.N(len(w.rows))
				least := w.rows[key].evicted.Load()
				v, err := get(t.Context(), key)
				assert.NoError(t, err, when)
				assert.GreaterOrEqual(t, v, least, when)
				w.reads.Add(1)
			}
		})
	}
	for key := range w.rows {
		wg.Go(func() {
			for range 3 {
				v := w.rows[key].version.Add(1)
				err := w.cache.Evict(t.Context(), key)
				if key%2 == 0 { // again, by its tag
					err = errors.Join(err, w.st.Evict(t.Context(), w.st.Tag(strconv.Itoa(key))))
				}
				assert.True(t, err == nil || errors.Is(err, store.ErrQueued), "%v", err)
				w.rows[key].evicted.Store(v)
			}
		})
	}
	wg.Wait()
	c := w.st.Stats().Caches["c"]
	t.Logf("%-6s took %4d ms: %+v", when, time.Since(began).Milliseconds(), c)
}

func TestRedisThatCanNeverBeUsed(t *testing.T) {
	server := redistest.Start(t)
	_, err := server.Do(t.Context(), "CONFIG", "SET", "requirepass", "secret")
	require.NoError(t, err)
	for name, options := range map[string]*redis.Options{
		"wrong password": {Addr: server.Addr(), Password: "wrong"},
		"no password":    {Addr: server.Addr()},
		"nobody there":   {Addr: "127.0.0.1:1"},
		"no such host":   {Addr: "nowhere.invalid:6379"},
	} {
		t.Run(name, func(t *testing.T) {
			rdb := redis.NewClient(options)
			t.Cleanup(func() { require.NoError(t, rdb.Close()) })
			st, src := open(t, rdb, store.Timeout(timeout), store.DrainTime(timeout)), source{}
			c := cacheable.New(st, "c", src.load)
			for i := range int64(3) {
				src.value.Store(i)
				v, info, err := c.GetInfo(t.Context(), "k")
				require.NoError(t, err)
				require.Equal(t, i, v)
				require.Equal(t, cacheable.SourceBypass, info.Source)
			}
			require.ErrorIs(t, c.Put(t.Context(), "k", 1), store.ErrUnavailable)
			require.ErrorIs(t, c.Evict(t.Context(), "k"), store.ErrQueued)
			_, _, err := c.Peek(t.Context(), "other")
			require.ErrorIs(t, err, store.ErrUnavailable)
			requireReads(t, st, "c", 3)
		})
	}
}
