package rediserr

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

func TestWhatAnErrorMeans(t *testing.T) {
	type meaning struct{ unhealthy, refused, passes, unknown, redirected bool }
	for _, tt := range []struct {
		err  error
		want meaning
	}{
		{nil, meaning{}},
		{redis.Nil, meaning{}},
		{io.EOF, meaning{unhealthy: true}},
		{context.DeadlineExceeded, meaning{unhealthy: true}},
		{context.Canceled, meaning{}},
		{Timeout{}, meaning{unhealthy: true}},
		{&Slow{os.ErrDeadlineExceeded}, meaning{}},
		{&Discarded{errors.New("a replica")}, meaning{unhealthy: true}},
		{&Discarded{Reply("NOAUTH x")}, meaning{unhealthy: true, passes: true}},
		{Reply("ERR unknown command 'GET'"), meaning{refused: true, unknown: true}},
		{Reply("NOPERM no"), meaning{refused: true}},
		{Reply("LOADING x"), meaning{unhealthy: true, refused: true, passes: true}},
		{Reply("BUSY x"), meaning{refused: true, passes: true}},
		{Reply("READONLY x"), meaning{refused: true, passes: true, redirected: true}},
		{Reply("MOVED 1 a:1"), meaning{redirected: true}},
		{Reply("NOSCRIPT x"), meaning{}},
		{Reply("WRONGTYPE x"), meaning{}},
	} {
		got := meaning{Unhealthy(tt.err), Refused(tt.err), Passes(tt.err), UnknownCommand(tt.err), Redirected(tt.err)}
		require.Equal(t, tt.want, got, "%v", tt.err)
	}
}

// go-redis keeps a connection whose error is a reply of Redis. So a discarded connection must not show one.
func TestADiscardedConnectionHidesTheReply(t *testing.T) {
	err := error(&Discarded{Reply("NOAUTH x")})
	var reply redis.Error
	require.NotErrorAs(t, err, &reply)
	require.ErrorIs(t, err, Reply("NOAUTH x"))
	require.True(t, IsDiscarded(err))
}
