package redistest

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Bubble runs a test in a synctest bubble, with a miniredis whose clock is that of the bubble. There is no network: a
// goroutine that waits for a socket would stop the bubble's time.
func Bubble(t *testing.T, test func(t *testing.T, rdb redis.UniversalClient)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := miniredis.NewMiniRedis()
		server.ClockTTL(true)
		rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379", Dialer: func(context.Context, string, string) (net.Conn, error) {
			conn, err := server.Dial()
			if err != nil {
				return nil, err
			}
			return buffered(conn), nil
		}})
		t.Cleanup(func() {
			if err := rdb.Close(); err != nil {
				t.Error(err)
			}
			server.Close()
		})
		test(t, rdb)
	})
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
