package faulttest

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
	"github.com/jollyjet/aside/store"
)

const (
	often = 2 * time.Millisecond
	// patience is how long a test waits for something that should take less.
	patience = 6 * time.Second
)

var quiet = slog.New(slog.DiscardHandler)

// join opens a store of a namespace.
func join(t *testing.T, rdb redis.UniversalClient, namespace string, options ...store.Option) *store.Store {
	t.Helper()
	st, err := store.Open(context.Background(), rdb, append([]store.Option{
		store.Namespace(namespace), store.Timeout(500 * time.Millisecond), store.Logger(quiet),
		store.DrainTime(200 * time.Millisecond),
	}, options...)...)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := st.Close(); !errors.Is(err, store.ErrUndrained) {
			require.NoError(t, err)
		}
	})
	return st
}

// table is a source of rows.
type table struct {
	mu   sync.Mutex
	rows map[string]int
}

func newTable(keys ...string) *table {
	src := &table{rows: map[string]int{}}
	src.set(1, keys...)
	return src
}

func (s *table) set(v int, keys ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		s.rows[key] = v
	}
}

func (s *table) all() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.rows)
}

func (s *table) load(_ context.Context, keys []string) (map[string]int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make(map[string]int, len(keys))
	for _, key := range keys {
		if v, ok := s.rows[key]; ok {
			found[key] = v
		}
	}
	return found, nil
}

type cache = cacheable.Many[string, int]

// cached decorates the source. Each entry has its key as a tag, so that it is read by MGET.
func (s *table) cached(st *store.Store, options ...cacheable.Option) *cache {
	return cacheable.NewMany(st, "c", s.load, append([]cacheable.Option{
		cacheable.Tags(func(key string) []string { return []string{key} }),
	}, options...)...)
}

// warm reads the keys until Redis answers all of them.
func warm(t *testing.T, c *cache, keys ...string) {
	t.Helper()
	for some := range slices.Chunk(keys, 200) {
		redistest.Eventually(t, "all are hits", func() bool {
			before := hitsOf(c)
			_, err := c.GetAll(t.Context(), some)
			return err == nil && hitsOf(c)-before == int64(len(some))
		})
	}
}

func hitsOf(c *cache) int64 { return c.Store().Stats().Caches[c.Entries().Name()].Hits }

type manager = session.Manager[int]

func sessions(t *testing.T, rdb redis.UniversalClient, namespace string, options ...session.Option) *manager {
	t.Helper()
	m := session.New[int](rdb, append([]session.Option{
		session.Namespace(namespace), session.Timeout(500 * time.Millisecond),
	}, options...)...)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// login begins a session of a user, and returns its token.
func login(t *testing.T, m *manager, user string) string {
	t.Helper()
	ctx := m.Attach(t.Context(), "")
	require.NoError(t, m.Login(ctx, user))
	token, err := m.Token(ctx)
	require.NoError(t, err)
	return token
}

// took returns how long it takes until done reports true, at most patience.
func took(done func() bool) time.Duration {
	began := time.Now()
	for !done() && time.Since(began) < patience {
		time.Sleep(often)
	}
	return min(time.Since(began), patience)
}
