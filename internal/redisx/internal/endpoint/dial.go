package endpoint

import (
	"context"
	"net"
)

// Dialer makes connections, as [redis.Options] takes it.
//
// [redis.Options]: https://pkg.go.dev/github.com/redis/go-redis/v9#Options
type Dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// Dialer returns a dialer whose connections say which server they reach before a reply is used.
func (e *Endpoint) Dialer(dial Dialer) Dialer {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		number := e.dialed.Add(1)
		cn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &conn{Conn: cn, endpoint: e, number: number}, nil
	}
}
