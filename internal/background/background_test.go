package background_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/internal/background"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCloseEndsWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := background.New(nil)
		var ended atomic.Int64
		for range 3 {
			require.True(t, g.Go("wait", func(ctx context.Context) {
				<-ctx.Done()
				time.Sleep(time.Second)
				ended.Add(1)
			}))
		}
		g.Close()
		require.EqualValues(t, 3, ended.Load())
		require.False(t, g.Go("late", func(context.Context) { t.Error("it runs") }))
		g.Close()
	})
}

func TestAPanicEndsItsGoroutineAlone(t *testing.T) {
	said := make(chan string, 1)
	g := background.New(func(what string, value any) { said <- what + ": " + value.(string) })
	require.True(t, g.Go("work", func(context.Context) { panic("oh") }))
	require.Equal(t, "work: oh", <-said)
	require.True(t, g.Go("more", func(context.Context) {}))
	g.Close()
}
