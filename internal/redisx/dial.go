package redisx

import (
	"context"
	"net"
	"time"

	"github.com/jollyjet/aside/internal/redisx/internal/endpoint"
)

// patient is a dialer that hides failures from go-redis's pool: the connection that it returns fails with the error of the
// dial when it is used, which is at once. After as many failed dials as it has connections, the pool would try again only
// once a second; how often to try is decided by those who use the client.
func patient(dial endpoint.Dialer) endpoint.Dialer {
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
