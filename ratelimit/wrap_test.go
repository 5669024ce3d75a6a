package ratelimit_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/ratelimit"
)

func TestLimit(t *testing.T) {
	type mail struct{ from, text string }
	var sent atomic.Int64
	errSend := errors.New("mail: no")
	rdb := mini(t)
	hourly := open(t, rdb, ratelimit.FixedWindow(3, 8784*time.Hour))
	once := open(t, rdb, ratelimit.Concurrency(1, time.Minute), ratelimit.Name("once"))
	var send func(context.Context, mail) (int, error)
	send = ratelimit.Limit(func(ctx context.Context, m mail) (int, error) {
		sent.Add(1)
		if m.text == "again" {
			_, err := send(ctx, mail{from: m.from})
			return 0, err
		}
		return len(m.text), errSend
	}, func(m mail) string { return m.from }, hourly, once)

	n, err := send(t.Context(), mail{"ann", "four"})
	require.ErrorIs(t, err, errSend)
	require.Equal(t, 4, n)
	_, err = send(t.Context(), mail{"ann", "again"})
	require.ErrorIs(t, err, ratelimit.ErrDenied, "the permit is held while it runs")
	require.Contains(t, err.Error(), "concurrency")
	require.EqualValues(t, 2, sent.Load())
	_, err = send(t.Context(), mail{"ann", "x"})
	require.ErrorIs(t, err, errSend, "that denial was not charged")

	_, err = send(t.Context(), mail{"ann", "x"})
	denied, ok := errors.AsType[*ratelimit.DeniedError](err)
	require.True(t, ok)
	require.Positive(t, denied.Result.RetryAfter)
	require.Contains(t, err.Error(), "fixed-8784h")
	require.EqualValues(t, 3, sent.Load(), "it was not run")
	_, err = send(t.Context(), mail{"bob", "x"})
	require.ErrorIs(t, err, errSend)
}
