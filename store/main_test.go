package store_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/eviction"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silence{})
	if child := os.Getenv(childEnv); child != "" {
		runChild(child)
		return
	}
	// A pool whose server is gone tries once a second to reach it, and only then notices that it was closed.
	redistest.Main(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// silence takes what go-redis prints about the connections that tests break.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

const (
	ttl    = time.Hour
	schema = 7
	soon   = 15 * time.Second // an upper bound for what takes milliseconds on an idle machine
	often  = 2 * time.Millisecond
)

var quiet = slog.New(slog.DiscardHandler)

// open opens a store of a namespace of its own, unless the options name one, that must close well at the end of the
// test. A test that expects otherwise closes it itself.
func open(t testing.TB, rdb redis.UniversalClient, options ...store.Option) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), rdb, append([]store.Option{
		store.Namespace(redistest.Unique(t)),
		store.Timeout(5 * time.Second),
		store.Logger(quiet),
	}, options...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	return st
}

// testEntry is one entry of a cache in a store, and what tests do with it.
type testEntry struct {
	t   testing.TB
	rdb redis.UniversalClient
	st  *store.Store
	*entry.Cache
	entry.Ref
}

func entryOf(t testing.TB, rdb redis.UniversalClient, st *store.Store, key string, tags ...string) *testEntry {
	t.Helper()
	p := st.Engine().Entries.Cache("cache", schema, ttl)
	return &testEntry{t: t, rdb: rdb, st: st, Cache: p, Ref: p.Ref(p.Key(key), tags)}
}

// newEntry opens a store with one entry that has one tag.
func newEntry(t testing.TB, rdb redis.UniversalClient, options ...store.Option) *testEntry {
	t.Helper()
	return entryOf(t, rdb, open(t, rdb, options...), "key", "tag")
}

// elsewhere is the same entry on another node.
func (e *testEntry) elsewhere(options ...store.Option) *testEntry {
	e.t.Helper()
	other := *e
	other.st = open(e.t, e.rdb, append([]store.Option{store.Namespace(e.st.Namespace())}, options...)...)
	other.Cache = other.st.Engine().Entries.Cache(e.Name(), schema, ttl)
	return &other
}

func result(payload string) entry.Contents { return entry.Contents{Payload: []byte(payload), TTL: ttl} }

func words(v entry.Entry) string {
	switch v.State {
	case entry.Value:
		return "value " + string(v.Payload())
	case entry.Negative:
		return "negative"
	case entry.Absent:
		return "absent"
	case entry.Leased:
		return "leased"
	case entry.Bypass:
		return "held"
	}
	return map[entry.Reason]string{
		entry.Evicted: "evicted", entry.Schema: "schema", entry.Corrupt: "corrupt", entry.Clash: "clash",
	}[v.Reason]
}

func (e *testEntry) read() entry.Entry {
	e.t.Helper()
	v, err := e.Read(e.t.Context(), &e.Ref)
	require.NoError(e.t, err)
	return v
}

// sees reads the entry and puts what it sees in words.
func (e *testEntry) sees() string {
	e.t.Helper()
	return words(e.read())
}

// eventually waits until the entry is seen so.
func (e *testEntry) eventually(want string) {
	e.t.Helper()
	require.Eventually(e.t, func() bool { return e.sees() == want }, soon, often, "never %q", want)
}

func (e *testEntry) acquire() *entry.Lease {
	e.t.Helper()
	lease, v, err := e.Acquire(e.t.Context(), &e.Ref, entry.Entry{})
	require.NoError(e.t, err)
	require.NotNil(e.t, lease, "no lease, but %s", words(v))
	return lease
}

// waitsFor says what is there instead of a lease.
func (e *testEntry) waitsFor() string {
	e.t.Helper()
	lease, v, err := e.Acquire(e.t.Context(), &e.Ref, entry.Entry{})
	require.NoError(e.t, err)
	require.Nil(e.t, lease)
	return words(v)
}

func (e *testEntry) fill(c *entry.Lease, payload string) bool {
	e.t.Helper()
	confirmed, err := c.Store(e.t.Context(), result(payload))
	require.NoError(e.t, err)
	return confirmed
}

// load acquires, fills and reads the entry.
func (e *testEntry) load(payload string) {
	e.t.Helper()
	require.True(e.t, e.fill(e.acquire(), payload))
	require.Equal(e.t, "value "+payload, e.sees())
}

func (e *testEntry) evict(keys ...store.Key) {
	e.t.Helper()
	require.NoError(e.t, e.st.Evict(e.t.Context(), keys...))
}

func (e *testEntry) hold(keys ...store.Key) *eviction.Hold {
	e.t.Helper()
	h, err := e.st.Engine().Evictor.Hold(e.t.Context(), keys...)
	require.NoError(e.t, err)
	return h
}

func (e *testEntry) end(h *eviction.Hold, replace ...eviction.Replacement) {
	e.t.Helper()
	require.NoError(e.t, h.End(e.t.Context(), 0, replace...))
}

// replacement prepares to replace the entry by payload.
func (e *testEntry) replacement(payload string) eviction.Replacement {
	e.t.Helper()
	start, err := e.Before(e.t.Context(), &e.Ref)
	require.NoError(e.t, err)
	r, ok := e.Replacement(e.t.Context(), &e.Ref, start, result(payload))
	require.True(e.t, ok)
	return r
}

func (e *testEntry) addr() string { return e.Ref.String() }

func (e *testEntry) exists(addr string) bool {
	e.t.Helper()
	n, err := e.rdb.Exists(e.t.Context(), addr).Result()
	require.NoError(e.t, err)
	return n == 1
}

// feedUp waits for the feed.
func feedUp(t testing.TB, stores ...*store.Store) {
	t.Helper()
	for _, st := range stores {
		require.Eventually(t, func() bool { return st.Stats().Feed.Up }, soon, often, "the feed does not come up")
	}
}

// done waits until the channel is closed, or fails.
func done(t testing.TB, ch <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(soon):
		require.FailNow(t, "it never happened: "+what)
	}
}

// isMini reports whether a subtest of redistest.Each runs on miniredis.
func isMini(t testing.TB) bool { return strings.Contains(t.Name(), "/miniredis") }
