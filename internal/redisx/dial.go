package redisx

import (
	"context"
	"net"
	"time"
)

type dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// patient is a dialer that hides from go-redis's pool that it failed: the connection that it returns fails with that error
// when it is used, which is at once. After as many failures as it has connections, the pool would not try again but once a
// second; how often to try is decided by those who use the client.
func patient(dial dialer) dialer {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		cn, err := dial(ctx, network, addr)
		if err != nil {
			return unconnected{err}, nil
		}
		return cn, nil
	}
}

// unconnected is a connection that could not be made.
type unconnected struct{ why error }

func (u unconnected) Read([]byte) (int, error)         { return 0, u.why }
func (u unconnected) Write([]byte) (int, error)        { return 0, u.why }
func (u unconnected) Close() error                     { return nil }
func (u unconnected) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (u unconnected) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (u unconnected) SetDeadline(time.Time) error      { return nil }
func (u unconnected) SetReadDeadline(time.Time) error  { return nil }
func (u unconnected) SetWriteDeadline(time.Time) error { return nil }
