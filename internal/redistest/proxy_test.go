package redistest

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// proxied needs no real server: the faults are the network's.
func proxied(t *testing.T) (*Proxy, *redis.Client) {
	t.Helper()
	checkLeaks(t)
	p := StartProxy(t, Mini(t).Addr())
	rdb := redis.NewClient(&redis.Options{
		Addr: p.Addr(), MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
	})
	closeLater(t, rdb)
	require.NoError(t, rdb.Set(t.Context(), "k", "v", 0).Err())
	return p, rdb
}

func TestProxyCut(t *testing.T) {
	p, rdb := proxied(t)
	conn := rdb.Conn()
	require.NoError(t, conn.Ping(t.Context()).Err())
	addr := p.Addr()

	p.Cut()
	require.Error(t, conn.Ping(t.Context()).Err())
	_, err := net.Dial("tcp", addr)
	require.ErrorContains(t, err, "refused")
	p.Cut() // again: nothing to do

	p.Heal()
	require.Equal(t, addr, p.Addr())
	require.Equal(t, "v", rdb.Get(t.Context(), "k").Val())
	require.NoError(t, conn.Close())
}

func TestProxyCutAll(t *testing.T) {
	p, rdb := proxied(t)
	conn := rdb.Conn()
	require.NoError(t, conn.Ping(t.Context()).Err())
	p.CutAll()
	require.Error(t, conn.Ping(t.Context()).Err())
	require.NoError(t, conn.Close())
	require.Equal(t, "v", rdb.Get(t.Context(), "k").Val(), "new connections are welcome")
}

func TestProxyHang(t *testing.T) {
	p, rdb := proxied(t)
	conn, err := net.Dial("tcp", p.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })

	p.Hang()
	p.Hang()
	requireTimeout(t, rdb.Get(short(t), "k").Err()) // an open connection stalls
	late, err := net.Dial("tcp", p.Addr())
	require.NoError(t, err, "a new one is accepted")
	for _, c := range []net.Conn{conn, late} {
		_, err = c.Write([]byte("*1\r\n$4\r\nPING\r\n"))
		require.NoError(t, err)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		_, err = c.Read(make([]byte, 7))
		require.ErrorContains(t, err, "timeout")
	}

	p.Heal()
	for _, c := range []net.Conn{conn, late} {
		buf := make([]byte, 7)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
		_, err = c.Read(buf)
		require.NoError(t, err)
		require.Equal(t, "+PONG\r\n", string(buf), "what was sent meanwhile arrives")
	}
	require.NoError(t, late.Close())
	require.Equal(t, "v", rdb.Get(t.Context(), "k").Val())
}

func TestProxyDelay(t *testing.T) {
	p, rdb := proxied(t)
	const delay = 100 * time.Millisecond
	p.Delay(delay)
	begin := time.Now()
	require.NoError(t, rdb.Get(t.Context(), "k").Err())
	require.GreaterOrEqual(t, time.Since(begin), delay)

	p.Delay(time.Hour)
	requireTimeout(t, rdb.Get(short(t), "k").Err())
	p.Heal()
	require.NoError(t, rdb.Get(t.Context(), "k").Err())
}

func TestProxyRedirect(t *testing.T) {
	p, rdb := proxied(t)
	old := rdb.Conn()
	require.Equal(t, "v", old.Get(t.Context(), "k").Val())
	require.Equal(t, 1, p.Links())

	other := Mini(t)
	require.NoError(t, other.Set("k", "w"))
	p.Redirect(other.Addr())
	require.Equal(t, "v", old.Get(t.Context(), "k").Val(), "an open connection stays")
	require.Equal(t, "w", rdb.Get(t.Context(), "k").Val(), "a new one leads elsewhere")
	require.Equal(t, 2, p.Links())

	p.CutAll()
	require.Error(t, old.Ping(t.Context()).Err())
	require.NoError(t, old.Close())
	require.Equal(t, "w", rdb.Get(t.Context(), "k").Val())
}

func TestProxyThrottle(t *testing.T) {
	p, rdb := proxied(t)
	const size, rate = 200_000, 1_000_000
	require.NoError(t, rdb.Set(t.Context(), "big", strings.Repeat("x", size), 0).Err())
	p.Throttle(rate)
	begin := time.Now()
	require.Len(t, rdb.Get(t.Context(), "big").Val(), size)
	require.GreaterOrEqual(t, time.Since(begin), size*time.Second/rate)

	p.Throttle(1)
	requireTimeout(t, rdb.Get(short(t), "big").Err())
	p.Heal()
	require.Len(t, rdb.Get(t.Context(), "big").Val(), size)
}

// The test ends while everything is in flight; the leak check sees what the
// proxy's cleanup left.
func TestProxyEndsInEveryState(t *testing.T) {
	for name, fault := range map[string]func(*Proxy){
		"hung":    (*Proxy).Hang,
		"cut":     (*Proxy).Cut,
		"delayed": func(p *Proxy) { p.Delay(time.Hour) },
		"slow":    func(p *Proxy) { p.Throttle(1) },
	} {
		t.Run(name, func(t *testing.T) {
			p, rdb := proxied(t)
			fault(p)
			require.Error(t, rdb.Get(short(t), "k").Err())
		})
	}
}

func TestProxyWithoutUpstream(t *testing.T) {
	checkLeaks(t)
	l, err := leasePort()
	require.NoError(t, err)
	t.Cleanup(l.release)
	p := StartProxy(t, loopback(l.port))
	conn, err := net.Dial("tcp", p.Addr())
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	_, err = conn.Read(make([]byte, 1))
	require.ErrorContains(t, err, "EOF")
	require.NoError(t, conn.Close())
}
