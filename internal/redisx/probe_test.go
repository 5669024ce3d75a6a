package redisx

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// failures is a [Breaker] that counts.
type failures struct{ n atomic.Int64 }

func (*failures) Allow() error { return nil }

func (f *failures) Record(err error) {
	if err != nil {
		f.n.Add(1)
	}
}

// A PING that is not answered is one failure for the breaker, and one dial.
func TestAPingFailsOnce(t *testing.T) {
	var dials atomic.Int64
	refused := errors.New("no route")
	rdb := redis.NewClient(&redis.Options{Dialer: func(context.Context, string, string) (net.Conn, error) {
		dials.Add(1)
		return nil, refused
	}})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	counted := &failures{}
	n, _ := own(t, rdb, Limits{Breaker: func(*Node) Breaker { return counted }}).Single()
	_, err := n.Ping(t.Context())
	require.ErrorIs(t, err, refused)
	require.EqualValues(t, 1, counted.n.Load())
	require.EqualValues(t, 1, dials.Load())
}
