package session_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

// downWhen fails commands while it is set.
type downWhen struct{ atomic.Bool }

func (d *downWhen) DialHook(next redis.DialHook) redis.DialHook { return next }

func (d *downWhen) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if d.Load() {
			return errors.New("down")
		}
		return next(ctx, cmd)
	}
}

func (d *downWhen) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if d.Load() {
			return errors.New("down")
		}
		return next(ctx, cmds)
	}
}

// While Redis is away a watch goes on, for a tenth of the idle time.
func TestWatchOutlivesAShortOutage(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		var down downWhen
		var seen events
		m := node(t, rdb, session.Idle(idle), session.Hooks(&down), session.OnEvent(seen.observe))
		token := login(t, m, "ann", "")
		ctx := watch(t, m, token)
		for range 5 {
			down.Store(true)
			time.Sleep(idle/10 - 2*time.Second)
			require.NoError(t, ctx.Err())
			down.Store(false)
			time.Sleep(5 * time.Second)
		}
		seen.kinds()
		down.Store(true)
		began := time.Now()
		require.ErrorIs(t, ends(t, ctx, time.Hour), session.ErrUnavailable)
		require.InDelta(t, idle/10, time.Since(began), float64(2*time.Second))
		require.Equal(t, "unavailable", seen.kinds(), "reported once")
		down.Store(false)
		time.Sleep(time.Second)
		require.True(t, valid(t, m, token))

		// It never goes on for longer than the session was good for.
		token = login(t, m, "ann", "")
		ctx = watch(t, m, token)
		time.Sleep(idle - 10*time.Second)
		down.Store(true)
		began = time.Now()
		require.ErrorIs(t, ends(t, ctx, time.Hour), session.ErrUnavailable)
		require.InDelta(t, 10*time.Second, time.Since(began), float64(time.Second))
		down.Store(false)
	})
}
