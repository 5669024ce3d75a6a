package redisx

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// While a pipeline is in flight the next one fills.
func TestBatchesFillWhileOneIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWork(time.Minute)
		var sizes []int
		release := make(chan struct{})
		b := &batcher{work: w, send: func(_ context.Context, cmds ...Command) {
			sizes = append(sizes, len(cmds))
			<-release
			for _, cmd := range cmds {
				cmd.SetErr(nil)
			}
		}}
		first := b.submit(1, ping(t.Context()))
		synctest.Wait()
		var later []*batch
		for range batchCommands + 1 {
			later = append(later, b.submit(1, ping(t.Context())))
		}
		close(release)
		require.NoError(t, b.wait(t.Context(), first))
		for _, batch := range later {
			require.NoError(t, b.wait(t.Context(), batch))
		}
		require.True(t, w.close())
		w.running.Wait()
		require.Equal(t, []int{1, batchCommands, 1}, sizes)
	})
}

func TestABatchAfterCloseIsOver(t *testing.T) {
	w := newWork(time.Minute)
	require.True(t, w.close())
	require.False(t, w.close())
	b, cmd := &batcher{work: w}, ping(t.Context())
	require.NoError(t, b.wait(t.Context(), b.submit(1, cmd)))
	require.ErrorIs(t, cmd.result().err, ErrClosed)
}
