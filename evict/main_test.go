package evict_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silence{})
	if child := os.Getenv(childEnv); child != "" {
		runChild(child)
		return
	}
	redistest.Main(m)
}

// silence drops what go-redis prints about connections that tests break.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// fleet opens n stores of one namespace, as n processes would.
func fleet(t testing.TB, rdb redis.UniversalClient, n int, options ...store.Option) []*store.Store {
	t.Helper()
	namespace := redistest.Unique(t)
	stores := make([]*store.Store, n)
	for i := range stores {
		stores[i] = join(t, rdb, namespace, options...)
	}
	return stores
}

func open(t testing.TB, rdb redis.UniversalClient, options ...store.Option) *store.Store {
	t.Helper()
	return fleet(t, rdb, 1, options...)[0]
}

// join opens a store of a given namespace. Evictions still queued when it closes are no failure: tests of outages end
// with some.
func join(t testing.TB, rdb redis.UniversalClient, namespace string, options ...store.Option) *store.Store {
	t.Helper()
	defaults := []store.Option{
		store.Namespace(namespace), store.Timeout(5 * time.Second), store.Logger(slog.New(slog.DiscardHandler)),
	}
	st, err := store.Open(context.Background(), rdb, append(defaults, options...)...)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := st.Close(); !errors.Is(err, store.ErrUndrained) {
			require.NoError(t, err)
		}
	})
	return st
}

// client returns a client for one address.
func client(t testing.TB, addr string) *redis.Client {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	return rdb
}

var eventually = redistest.Eventually

// change is the argument of the writes in these tests.
type change struct {
	Key   string
	Value int64
}

func keyOf(c change) string { return c.Key }

// table is a source: a map of numbers, all 0 at first.
type table struct {
	values [8]atomic.Int64
	loads  atomic.Int64
}

func (s *table) cell(key string) *atomic.Int64 { return &s.values[len(key)%len(s.values)] }

func (s *table) load(_ context.Context, key string) (int64, error) {
	s.loads.Add(1)
	return s.cell(key).Load(), nil
}

func (s *table) write(_ context.Context, c change) (int64, error) {
	s.cell(c.Key).Store(c.Value)
	return c.Value, nil
}

type cache = cacheable.Cacheable[string, int64]

// cached fails the test unless all caches have the value, without a load.
func cached(t testing.TB, want int64, key string, caches ...*cache) {
	t.Helper()
	for _, c := range caches {
		v, info, err := c.GetInfo(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, want, v)
		require.Equal(t, cacheable.SourceHit, info.Source)
	}
}

// becomesCached reads until all caches have the value. A node with a short timeout may fail to store what it has
// loaded.
func becomesCached(t testing.TB, want int64, key string, caches ...*cache) {
	t.Helper()
	for _, c := range caches {
		eventually(t, "it is cached", func() bool {
			v, info, err := c.GetInfo(t.Context(), key)
			require.NoError(t, err)
			require.Equal(t, want, v)
			return info.Source == cacheable.SourceHit
		})
	}
}

// reads fails the test unless reads of all caches return the value.
func reads(t testing.TB, want int64, key string, caches ...*cache) {
	t.Helper()
	for _, c := range caches {
		v, err := c.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, want, v)
	}
}

// absent fails the test unless nothing is cached for the key.
func absent(t testing.TB, key string, caches ...*cache) {
	t.Helper()
	for _, c := range caches {
		_, ok, err := c.Peek(t.Context(), key)
		require.NoError(t, err)
		require.False(t, ok)
	}
}

// panics returns what f panics with.
func panics(t testing.TB, f func()) (text string) {
	t.Helper()
	defer func() {
		t.Helper()
		var ok bool
		if text, ok = recover().(string); !ok {
			t.Fatal("no panic with a text")
		}
	}()
	f()
	return ""
}
