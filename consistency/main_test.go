package consistency_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"sync"
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
	redistest.Main(m)
}

// silence drops what go-redis prints about connections that tests break.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

var quiet = slog.New(slog.DiscardHandler)

// open opens a store with a namespace of its own.
func open(t testing.TB, rdb redis.UniversalClient, options ...store.Option) *store.Store {
	t.Helper()
	return join(t, rdb, redistest.Unique(t), options...)
}

// join opens a store of a given namespace, as another node.
func join(t testing.TB, rdb redis.UniversalClient, namespace string, options ...store.Option) *store.Store {
	t.Helper()
	st, err := store.Open(context.Background(), rdb, append([]store.Option{
		store.Namespace(namespace), store.Timeout(5 * time.Second), store.Logger(quiet),
	}, options...)...)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := st.Close(); !errors.Is(err, store.ErrUndrained) {
			require.NoError(t, err)
		}
	})
	return st
}

func miniClient(t testing.TB) redis.UniversalClient {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	return rdb
}

var eventually = redistest.Eventually

var errNoRows = errors.New("no rows")

func noRows(err error) bool { return errors.Is(err, errNoRows) }

// table is a source with rows.
type table struct {
	loads atomic.Int64

	mu   sync.Mutex
	rows map[string]int
	err  error
}

func newTable(keys ...string) *table {
	t := &table{rows: make(map[string]int)}
	for _, key := range keys {
		t.rows[key] = 1
	}
	return t
}

func (t *table) load(_ context.Context, key string) (int, error) {
	t.loads.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return 0, t.err
	}
	v, ok := t.rows[key]
	if !ok {
		return 0, errNoRows
	}
	return v, nil
}

func (t *table) loadAll(_ context.Context, keys []string) (map[string]int, error) {
	t.loads.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	found := maps.Clone(t.rows)
	wanted := make(map[string]bool)
	for _, key := range keys {
		wanted[key] = true
	}
	maps.DeleteFunc(found, func(key string, _ int) bool { return !wanted[key] })
	return found, t.err
}

// set changes a row; 0 deletes it.
func (t *table) set(key string, value int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rows[key] = value; value == 0 {
		delete(t.rows, key)
	}
}

// add changes a row as a transaction would.
func (t *table) add(key string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows[key] += n
}

func (t *table) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
}

func names(format string, n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf(format, i)
	}
	return keys
}

func logger(to io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(to, nil)) }
