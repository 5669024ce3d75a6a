package redistest

import (
	"bytes"
	"context"
	"net"
	"sync/atomic"
	"time"
)

// LateFeed returns a dialer for go-redis whose subscriptions, and so the invalidation feed, hear everything late by d. Other
// commands are not delayed.
func LateFeed(d time.Duration) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &lateConn{Conn: conn, delay: d}, nil
	}
}

// lateConn reads late once it has sent a SUBSCRIBE.
type lateConn struct {
	net.Conn
	delay      time.Duration
	subscribed atomic.Bool
}

func (c *lateConn) Write(b []byte) (int, error) {
	if bytes.Contains(bytes.ToLower(b), []byte("subscribe")) {
		c.subscribed.Store(true)
	}
	return c.Conn.Write(b)
}

func (c *lateConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.subscribed.Load() {
		time.Sleep(c.delay)
	}
	return n, err
}
