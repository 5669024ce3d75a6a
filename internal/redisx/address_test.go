package redisx

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// place is an address that leads to one server, and then to another.
type place struct {
	one, other *redistest.Server
	proxy      *redistest.Proxy
}

func newPlace(t *testing.T) *place {
	p := &place{one: redistest.Start(t), other: redistest.Start(t)}
	p.proxy = redistest.StartProxy(t, p.one.Addr())
	for _, s := range []*redistest.Server{p.one, p.other} {
		require.NoError(t, s.Client(t).Set(t.Context(), "who", s.Addr(), 0).Err())
	}
	return p
}

func (p *place) client(t *testing.T) *redis.Client {
	rdb := redis.NewClient(&redis.Options{Addr: p.proxy.Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	return rdb
}

func who(t *testing.T, c *Client) string {
	t.Helper()
	call := Get("who")
	require.NoError(t, Run(t.Context(), c, call))
	text, err := call.Reply.Text()
	require.NoError(t, err)
	return text
}

func probe(t *testing.T, c *Client) {
	t.Helper()
	n, ok := c.Single()
	require.True(t, ok)
	_, err := n.Ping(t.Context())
	require.NoError(t, err)
}

// An address leads new connections to another server. As soon as one of them exists, replies of older ones are not used any
// more.
func TestNewConnectionsDecideWhereAnAddressLeads(t *testing.T) {
	p, w := newPlace(t), &watcher{}
	c := own(t, p.client(t), Limits{Watcher: w})
	require.Equal(t, p.one.Addr(), who(t, c))
	p.proxy.Redirect(p.other.Addr())
	require.Equal(t, p.one.Addr(), who(t, c), "nothing tells yet")
	probe(t, c)
	require.Equal(t, p.other.Addr(), who(t, c))
	p.proxy.Redirect(p.one.Addr())
	probe(t, c)
	require.Equal(t, p.one.Addr(), who(t, c), "it may come back")
}
