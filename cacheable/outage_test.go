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

// trouble is a fault of Redis, or of the connection to it.
type trouble struct {
	name string
	// start returns the address of Redis, one that is never disturbed, and functions that begin and end the trouble.
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

// timeout is the timeout of stores in these tests.
const timeout = 100 * time.Millisecond

// manners are the ways to use a cache: with the defaults alone, or with all options that keep values longer or
// nearer.
var manners = map[string][]cacheable.Option{
	"plainly": nil,
	"with everything": {
		cacheable.Near(100, time.Minute), cacheable.TTL(60 * time.Millisecond), cacheable.RefreshAhead(0.5),
		cacheable.FailSafe(time.Minute), cacheable.SoftTimeout(time.Millisecond), cacheable.MaxConcurrentLoads(20),
	},
}

// Before, during and after the trouble 50 callers read, others refresh, and writers change the source and evict. No
// read fails, and none sees a value that was evicted before the read began. Afterwards every node has the right values.
func TestNoReadFailsAndNoneIsWrongWhenRedisIs(t *testing.T) {
	for _, trouble := range troubles {
		for manner, options := range manners {
			t.Run(trouble.name+"/"+manner, func(t *testing.T) {
				addr, direct, begin, end := trouble.start(t)
				w := newWorld(t, client(t, addr), options)
				w.live(t, "before")
				begin()
				w.live(t, "during")
				end()
				w.live(t, "after")
				w.settle(t, client(t, direct), options)
			})
		}
	}
}

// settle waits until the queued evictions are carried out. From then on every node has the right values.
func (w *world) settle(t *testing.T, direct redis.UniversalClient, options []cacheable.Option) {
	t.Helper()
	eventually(t, "the evictions that failed", func() bool { return w.st.Stats().Pending == 0 })
	other := cacheable.NewMany(join(t, direct, w.st.Namespace()), "c", w.load, append(options, tagsOfRow)...)
	for key := range w.rows {
		for _, c := range []*cacheable.Many[int, int64]{other, w.cache} {
			v, err := c.Get(t.Context(), key)
			require.NoError(t, err)
			require.Equal(t, w.rows[key].version.Load(), v)
		}
	}
	eventually(t, "hits", func() bool {
		_, info, err := w.cache.GetInfo(t.Context(), 0)
		return err == nil && (info.Source == cacheable.SourceHit || info.Source == cacheable.SourceNear)
	})
	require.Zero(t, w.st.Stats().Panics)
}

// world is a source with some rows, and one node that caches them.
type world struct {
	rows  [6]row
	st    *store.Store
	cache *cacheable.Many[int, int64]
	reads atomic.Int64
}

type row struct{ version, evicted atomic.Int64 }

var tagsOfRow = cacheable.Tags(func(k int) []string { return []string{strconv.Itoa(k)} })

func newWorld(t *testing.T, rdb redis.UniversalClient, options []cacheable.Option) *world {
	w := &world{st: open(t, rdb, store.Timeout(timeout), store.LeaseTime(300*time.Millisecond))}
	w.cache = cacheable.NewMany(w.st, "c", w.load, append(options, tagsOfRow)...)
	return w
}

func (w *world) load(_ context.Context, keys []int) (map[int]int64, error) {
	values := map[int]int64{}
	for _, key := range keys {
		values[key] = w.rows[key].version.Load()
	}
	time.Sleep(rand.N(2 * time.Millisecond))
	return values, nil
}

// live reads, refreshes and writes for a while.
func (w *world) live(t *testing.T, when string) {
	t.Helper()
	var wg sync.WaitGroup
	began := time.Now()
	for i := range 50 {
		wg.Go(func() {
			for range 4 {
				w.read(t, i, when)
			}
		})
	}
	for key := range w.rows {
		wg.Go(func() {
			for range 3 {
				w.write(t, key)
			}
		})
	}
	wg.Wait()
	t.Logf("%-6s took %4d ms, %d reads so far", when, time.Since(began).Milliseconds(), w.reads.Load())
}

// read reads as the i-th of the readers does: one key, several, or with a refresh.
func (w *world) read(t *testing.T, i int, when string) {
	keys := rand.Perm(len(w.rows))
	if i%5 > 0 {
		keys = keys[:1]
	}
	least := map[int]int64{}
	for _, key := range keys {
		least[key] = w.rows[key].evicted.Load()
	}
	values, err := map[int]int64{}, error(nil)
	switch {
	case len(keys) > 1:
		values, err = w.cache.GetAll(t.Context(), keys)
	case i%5 == 1:
		values[keys[0]], err = w.cache.Refresh(t.Context(), keys[0])
	default:
		values[keys[0]], err = w.cache.Get(t.Context(), keys[0])
	}
	assert.NoError(t, err, when)
	for _, key := range keys {
		v, ok := values[key]
		assert.True(t, ok, when)
		assert.GreaterOrEqual(t, v, least[key], when)
		w.reads.Add(1)
	}
}

// write changes a row and evicts it: by its key, and every other one by its tag.
func (w *world) write(t *testing.T, key int) {
	v := w.rows[key].version.Add(1)
	var err error
	if key%2 == 0 {
		err = w.cache.Evict(t.Context(), key)
	} else {
		err = w.st.Evict(t.Context(), w.st.Tag(strconv.Itoa(key)))
	}
	assert.True(t, err == nil || errors.Is(err, store.ErrQueued), "%v", err)
	w.rows[key].evicted.Store(v)
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
