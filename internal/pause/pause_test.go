package pause_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/internal/pause"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		require.True(t, pause.For(t.Context(), time.Hour))
		require.Equal(t, time.Hour, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began = time.Now()
		require.True(t, pause.For(ctx, 0))
		require.False(t, pause.For(ctx, time.Hour))
		require.Equal(t, time.Minute, time.Since(began))
		require.False(t, pause.For(ctx, 0))
		require.False(t, pause.For(ctx, -time.Second))
	})
}

func TestUntilReturnsWhenWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake := make(chan struct{}, 1)
		began := time.Now()
		time.AfterFunc(time.Second, func() { wake <- struct{}{} })
		require.True(t, pause.Until(t.Context(), time.Hour, wake))
		require.Equal(t, time.Second, time.Since(began))
		require.True(t, pause.Until(t.Context(), time.Minute, wake))
		require.Equal(t, time.Second+time.Minute, time.Since(began))

		pause.Wake(wake)
		pause.Wake(wake)
		began = time.Now()
		require.True(t, pause.Until(t.Context(), time.Hour, wake))
		require.Zero(t, time.Since(began))
		require.True(t, pause.Until(t.Context(), time.Hour, wake))
		require.Equal(t, time.Hour, time.Since(began), "both wakes were for one wait")
	})
}

func TestRenewEndsWhenThereIsNoMoreReasonTo(t *testing.T) {
	const interval = time.Second
	for name, end := range map[string]func(cancel, done, lost func()){
		"the context ends": func(cancel, _, _ func()) { cancel() },
		"done is closed":   func(_, done, _ func()) { done() },
		"it is lost":       func(_, _, lost func()) { lost() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				done, renewals := make(chan struct{}), 0
				var lost atomic.Bool
				time.AfterFunc(3*interval+interval/2, func() {
					end(cancel, func() { close(done) }, func() { lost.Store(true) })
				})
				began := time.Now()
				pause.Renew(ctx, done, interval, func() bool {
					renewals++
					require.Equal(t, time.Duration(renewals)*interval, time.Since(began))
					return !lost.Load()
				})
				want := 3
				if lost.Load() {
					want++ // the one that finds out
				}
				require.Equal(t, want, renewals)
			})
		})
	}
}
