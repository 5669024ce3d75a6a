package cacheable_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

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

// silence drops the messages of go-redis about the connections that tests break.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// patient is the timeout of stores in tests that must not fall back on the loader on a busy machine.
const patient = 5 * time.Second

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

// join opens a store of a given namespace. Evictions that it can't deliver before it closes are no failure: tests of
// outages end with queued evictions.
func join(t testing.TB, rdb redis.UniversalClient, namespace string, options ...store.Option) *store.Store {
	t.Helper()
	defaults := []store.Option{
		store.Namespace(namespace), store.Timeout(patient), store.Logger(slog.New(slog.DiscardHandler)),
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

// source is a database with one column, which counts how often it is read.
type source struct {
	value atomic.Int64
	loads atomic.Int64
}

func (s *source) load(context.Context, string) (int64, error) {
	s.loads.Add(1)
	return s.value.Load(), nil
}

var errNoRows = errors.New("no rows")

var eventually = redistest.Eventually

// onMini reports whether a test of redistest.Each runs on miniredis, whose clock stands still.
func onMini(t testing.TB) bool { return strings.HasSuffix(t.Name(), "/miniredis") }

// within fails the test if ended is not closed in time.
func within(t testing.TB, what string, ended <-chan struct{}) {
	t.Helper()
	select {
	case <-ended:
	case <-time.After(15 * time.Second):
		t.Fatalf("not within 15 s: %s", what)
	}
}

// requireReads fails the test if the counters of a cache do not add up to the number of reads.
func requireReads(t testing.TB, st *store.Store, cache string, reads int) store.CacheStats {
	t.Helper()
	c := st.Stats().Caches[cache]
	require.EqualValues(t, reads, c.NearHits+c.Hits+c.StaleHits+c.NegativeHits+c.Misses+c.Bypasses, "%+v", c)
	return c
}

// rawSet stores raw bytes under the key of an entry, as another program or a fault might.
func rawSet(t testing.TB, rdb redis.UniversalClient, key store.Key, raw string) {
	t.Helper()
	require.NoError(t, rdb.Set(t.Context(), key.String(), raw, time.Minute).Err())
}

func rawGet(t testing.TB, rdb redis.UniversalClient, key store.Key) string {
	t.Helper()
	raw, err := rdb.Get(t.Context(), key.String()).Result()
	if !errors.Is(err, redis.Nil) {
		require.NoError(t, err)
	}
	return raw
}
