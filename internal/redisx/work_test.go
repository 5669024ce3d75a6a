package redisx

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAwaitEndsWithTheTimeoutAndTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, release := newWork(time.Second), make(chan struct{})
		hang := func(context.Context) { <-release }
		began := time.Now()
		require.Error(t, w.await(t.Context(), time.Minute, hang))
		require.Equal(t, time.Minute+time.Second+grace(time.Second), time.Since(began))
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, w.await(ctx, 0, hang), context.DeadlineExceeded)
		close(release)
		require.True(t, w.close())
		w.running.Wait()
		require.ErrorIs(t, w.await(t.Context(), 0, hang), ErrClosed)
	})
}
