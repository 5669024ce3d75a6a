// Package memredis is a Redis in the memory of this process, for tests. There is no network, so it also works in a bubble of
// testing/synctest, whose time stops while a goroutine waits for a socket.
package memredis

import (
	"context"
	"io"
	"net"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Open returns a client of a Redis of its own, whose clock is that of the caller's bubble, if any. Call done at the end.
func Open() (rdb *redis.Client, done func() error) {
	server := miniredis.NewMiniRedis()
	server.ClockTTL(true)
	rdb = redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379", Dialer: func(context.Context, string, string) (net.Conn, error) {
		conn, err := server.Dial()
		if err != nil {
			return nil, err
		}
		return buffered(conn), nil
	}})
	return rdb, func() error {
		defer server.Close()
		return rdb.Close()
	}
}

// buffered is a connection to a server at the end of a net.Pipe, which buffers replies: otherwise the server and a client
// that sends several commands at once would wait for each other.
func buffered(server net.Conn) net.Conn {
	client, inner := net.Pipe()
	replies := make(chan []byte, 1<<12)
	go func() {
		_, _ = io.Copy(server, inner)
		_ = server.Close()
	}()
	go func() {
		defer close(replies)
		for {
			chunk := make([]byte, 4096)
			n, err := server.Read(chunk)
			replies <- chunk[:n]
			if err != nil {
				return
			}
		}
	}()
	go func() {
		for chunk := range replies {
			_, _ = inner.Write(chunk) // a client that is gone is noticed by the others
		}
		_ = inner.Close()
	}()
	return client
}
