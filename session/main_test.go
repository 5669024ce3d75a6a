package session_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

func TestMain(m *testing.M) { redistest.Main(m) }

const (
	soon  = 10 * time.Second // an upper bound for what takes milliseconds on an idle machine
	often = 2 * time.Millisecond
)

type data struct {
	N    int    `json:"n,omitempty"`
	Text string `json:"text,omitempty"`
}

type manager = session.Manager[data]

// node is a manager with a namespace of its own, unless the options name one.
func node(t testing.TB, rdb redis.UniversalClient, options ...session.Option) *manager {
	t.Helper()
	m := session.New[data](rdb, append([]session.Option{
		session.Namespace(redistest.Unique(t)), session.Timeout(5 * time.Second),
	}, options...)...)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// nodes are n managers of the same namespace.
func nodes(t testing.TB, n int, rdb redis.UniversalClient, options ...session.Option) []*manager {
	t.Helper()
	options = append([]session.Option{session.Namespace(redistest.Unique(t))}, options...)
	all := make([]*manager, n)
	for i := range all {
		all[i] = node(t, rdb, options...)
	}
	return all
}

func tokenOf(t testing.TB, m *manager, ctx context.Context) string {
	t.Helper()
	text, err := m.Token(ctx)
	require.NoError(t, err)
	return text
}

// begin begins a session and returns its token.
func begin(t testing.TB, m *manager, d data) string {
	t.Helper()
	ctx := m.Attach(t.Context(), "")
	require.NoError(t, m.Create(ctx, d))
	return tokenOf(t, m, ctx)
}

func login(t testing.TB, m *manager, user, token string) string {
	t.Helper()
	ctx := m.Attach(t.Context(), token)
	require.NoError(t, m.Login(ctx, user))
	return tokenOf(t, m, ctx)
}

// valid reports whether a request with the token has a session.
func valid(t testing.TB, m *manager, token string) bool {
	t.Helper()
	_, err := m.Get(m.Attach(t.Context(), token))
	if errors.Is(err, session.ErrNoSession) {
		return false
	}
	require.NoError(t, err)
	return true
}

func get(t testing.TB, m *manager, token string) data {
	t.Helper()
	d, err := m.Get(m.Attach(t.Context(), token))
	require.NoError(t, err)
	return d
}

func handleOf(t testing.TB, m *manager, token string) string {
	t.Helper()
	info, err := m.Info(m.Attach(t.Context(), token))
	require.NoError(t, err)
	return info.Handle
}

func add(n int) func(*data) error { return func(d *data) error { d.N += n; return nil } }

// keysOf returns the keys in Redis that begin with prefix.
func keysOf(t testing.TB, rdb redis.UniversalClient, prefix string) (keys []string) {
	t.Helper()
	var mu sync.Mutex
	walk := func(ctx context.Context, c *redis.Client) error {
		it := c.Scan(ctx, 0, prefix+"*", 1000).Iterator()
		for it.Next(ctx) {
			mu.Lock()
			keys = append(keys, it.Val())
			mu.Unlock()
		}
		return it.Err()
	}
	if c, ok := rdb.(*redis.ClusterClient); ok {
		require.NoError(t, c.ForEachMaster(t.Context(), walk))
	} else {
		require.NoError(t, walk(t.Context(), rdb.(*redis.Client)))
	}
	return keys
}

// texts returns the commands that were sent since it was called last, with their arguments, but for those of handshakes.
func texts(sent *redistest.Commands) []string { return sent.TakeTexts("hello", "client") }

// events collects the events that OnEvent receives.
type events struct {
	mu  sync.Mutex
	all []session.Event
}

func (e *events) observe(ev session.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

// kinds returns the kinds of the collected events in words, and clears them.
func (e *events) kinds() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var words []string
	for _, ev := range e.all {
		words = append(words, ev.Kind.String())
	}
	e.all = nil
	return strings.Join(words, ", ")
}

// kindsOf returns the collected events of one kind.
func (e *events) kindsOf(kind session.Kind) (of []session.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.all {
		if ev.Kind == kind {
			of = append(of, ev)
		}
	}
	return of
}
