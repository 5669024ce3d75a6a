package session_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/session"
)

func TestUnavailableWrapsWhatThePackagesShare(t *testing.T) {
	require.ErrorIs(t, session.ErrUnavailable, redisx.ErrUnavailable)
	require.EqualError(t, session.ErrUnavailable, "session: Redis did not carry out the command")
}

func TestRedisAway(t *testing.T) {
	server := redistest.Start(t)
	ns := redistest.Unique(t)
	const patience = 100 * time.Millisecond
	var seen events
	closed := node(t, server.Client(t), session.Namespace(ns), session.Timeout(patience), session.OnEvent(seen.observe))
	anonymous := node(t, server.Client(t), session.Namespace(ns), session.Timeout(patience), session.AnonymousWhenAway())
	token := login(t, node(t, server.Client(t), session.Namespace(ns)), "ann", "")
	running := closed.Attach(t.Context(), token)
	redistest.Eventually(t, "the request has its session", func() bool { _, err := closed.Get(running); return err == nil })

	for name, trouble := range map[string]struct{ begin, end func() }{
		"killed": {server.Kill, server.Restart},
		"paused": {server.Pause, server.Resume},
	} {
		t.Run(name, func(t *testing.T) {
			trouble.begin()
			for what, do := range map[string]func(m *manager, ctx context.Context) error{
				"get":     func(m *manager, ctx context.Context) error { _, err := m.Get(ctx); return err },
				"user":    func(m *manager, ctx context.Context) error { _, err := m.User(ctx); return err },
				"token":   func(m *manager, ctx context.Context) error { _, err := m.Token(ctx); return err },
				"update":  func(m *manager, ctx context.Context) error { return m.Update(ctx, add(1)) },
				"flash":   func(m *manager, ctx context.Context) error { return m.Flash(ctx, "k", "t") },
				"login":   func(m *manager, ctx context.Context) error { return m.Login(ctx, "ann") },
				"renew":   (*manager).Renew,
				"destroy": (*manager).Destroy,
				"others":  (*manager).DestroyOthers,
				"all":     func(m *manager, ctx context.Context) error { return m.DestroyAll(ctx, "ann") },
				"list":    func(m *manager, ctx context.Context) error { _, err := m.List(ctx, "ann"); return err },
				"sweep":   func(m *manager, ctx context.Context) error { _, err := m.Sweep(ctx); return err },
			} {
				began := time.Now()
				err := do(closed, closed.Attach(t.Context(), token))
				require.ErrorIs(t, err, session.ErrUnavailable, what)
				require.NotErrorIs(t, err, session.ErrNoSession, what)
				require.Less(t, time.Since(began), soon, what)
				switch err := do(anonymous, anonymous.Attach(t.Context(), token)); what {
				case "get":
					require.ErrorIs(t, err, session.ErrNoSession)
				case "user":
					require.NoError(t, err)
				default:
					require.ErrorIs(t, err, session.ErrUnavailable, what)
				}
			}
			require.ErrorIs(t, closed.Update(running, add(1)), session.ErrUnavailable, "also a request that has begun")
			require.NotEmpty(t, seen.kindsOf(session.Unavailable))
			res := serve(site(closed), "/user", token)
			require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
			require.Empty(t, res.Header["Set-Cookie"])
			res = serve(site(closed), "/logout", token)
			require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
			require.Empty(t, res.Header["Set-Cookie"], "the session may still be there, the client has to try again")
			trouble.end()
		})
	}
}

// A request that was treated as anonymous while Redis was away can log in when Redis is back.
func TestBackWithinARequest(t *testing.T) {
	server := redistest.Start(t)
	m := node(t, server.Client(t), session.AnonymousWhenAway())
	token := login(t, m, "ann", "")
	h := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server.Kill()
		_, err := m.Get(r.Context())
		require.ErrorIs(t, err, session.ErrNoSession)
		if r.URL.Path == "/away" {
			return
		}
		server.Restart()
		require.NoError(t, m.Login(r.Context(), "bob"))
		user, err := m.User(r.Context())
		require.NoError(t, err)
		_, _ = w.Write([]byte(user))
	}))
	res := serve(h, "/", token)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, "bob", string(body))
	cookieOf(t, res)
	res = serve(h, "/away", token)
	require.Empty(t, res.Header["Set-Cookie"])
	require.Equal(t, "no-store", res.Header.Get("Cache-Control"), "the page is not that of who asked")
}

// deaf is a connection that loses one reply when it is set.
type deaf struct {
	net.Conn
	set *atomic.Bool
}

func (d deaf) Read(p []byte) (int, error) {
	n, err := d.Conn.Read(p)
	if d.set.CompareAndSwap(true, false) {
		return 0, errors.Join(errors.New("the reply got lost"), io.ErrUnexpectedEOF)
	}
	return n, err
}

// By default a Cluster client repeats commands that get no reply. A change that arrived twice would look like a change
// by somebody else, and be applied again.
func TestLostReplyOfACluster(t *testing.T) {
	var lost atomic.Bool
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return deaf{c, &lost}, err
	}
	cluster, ns := redistest.StartCluster(t), redistest.Unique(t)
	rdb := cluster.Client(t, func(o *redis.ClusterOptions) { o.Dialer = dial })
	m := node(t, rdb, session.Namespace(ns), session.Timeout(150*time.Millisecond)) // for so long it waits for a lost reply
	direct := node(t, cluster.Client(t), session.Namespace(ns))
	made := 0
	for _, token := range []string{begin(t, direct, data{}), login(t, direct, "ann", "")} {
		require.NoError(t, direct.Update(direct.Attach(t.Context(), token), add(1))) // the server knows the script from now on
		for range 10 {
			ctx := m.Attach(t.Context(), token)
			before := get(t, direct, token)
			redistest.Eventually(t, "the request has its session", func() bool { _, err := m.Get(ctx); return err == nil })
			lost.Store(true)
			err := m.Update(ctx, add(1))
			lost.Store(false)
			change := get(t, direct, token).N - before.N
			switch {
			case err == nil: // the reply to something else got lost: the client asks for the state of the Cluster by itself
				require.Equal(t, 1, change)
			case change == 1:
				made++
			default: // what got lost is the greeting of a new connection
				require.Zero(t, change)
			}
			if err != nil {
				require.ErrorIs(t, err, session.ErrUnavailable)
			}
		}
	}
	require.Zero(t, m.Stats().Conflicts)
	require.Positive(t, made, "no change arrived whose reply got lost")
}

// A caller who gives up does not make Redis unavailable.
func TestCanceledContext(t *testing.T) {
	m := node(t, redistestMini(t), session.AnonymousWhenAway())
	token := begin(t, m, data{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := m.Get(m.Attach(ctx, token))
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, session.ErrNoSession)
	require.Zero(t, m.Stats().Unavailable)
}

// If a reply is lost, the change may be stored or not, but not twice, and there is no second session.
func TestLostReply(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	rdb := redis.NewClient(&redis.Options{Addr: proxy.Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	ns := redistest.Unique(t)
	m := node(t, rdb, session.Namespace(ns), session.Timeout(100*time.Millisecond))
	direct := node(t, server.Client(t), session.Namespace(ns))
	token := begin(t, direct, data{N: 1})
	ctx := m.Attach(t.Context(), token)
	redistest.Eventually(t, "the request has its session", func() bool { _, err := m.Get(ctx); return err == nil })
	proxy.Hang()
	require.ErrorIs(t, m.Update(ctx, add(1)), session.ErrUnavailable)
	require.ErrorIs(t, m.Login(ctx, "ann"), session.ErrUnavailable)
	proxy.Heal()
	require.LessOrEqual(t, get(t, direct, token).N, 2)
	list, err := direct.List(t.Context(), "ann")
	require.NoError(t, err)
	require.Empty(t, list)
}
