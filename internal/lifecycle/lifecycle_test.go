package lifecycle

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *Lifecycle { return New(slog.New(slog.DiscardHandler)) }

// ends closes the lifecycle and gives the loads so much time.
func ends(t *testing.T, l *Lifecycle, within time.Duration) bool {
	t.Helper()
	require.True(t, l.Close())
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return !l.Drain(ctx).Loads
}

func TestNothingStartsOnceClosingHasBegun(t *testing.T) {
	l := quiet()
	require.False(t, l.Closed())
	require.True(t, l.Close())
	require.True(t, l.Closed())
	require.False(t, l.Close(), "somebody else has begun")
	require.False(t, l.Load(func() { t.Error("a load runs") }))
	require.False(t, l.Background("late", func(context.Context) { t.Error("background work runs") }))
	require.Zero(t, l.Drain(context.Background()))
}

// Whatever has been started when Drain returns has ended, although it is started at the same time.
func TestStartingRacesWithClosing(t *testing.T) {
	for range 200 {
		l := quiet()
		var mu sync.Mutex
		started, ended := 0, 0
		count := func(n *int) { mu.Lock(); *n++; mu.Unlock() }
		var starters sync.WaitGroup
		for range 4 {
			starters.Go(func() {
				for l.Load(func() { count(&ended) }) && l.Background("work", func(ctx context.Context) { <-ctx.Done(); count(&ended) }) {
					count(&started)
					count(&started)
					time.Sleep(time.Microsecond)
				}
			})
		}
		require.True(t, l.Close())
		require.Zero(t, l.Drain(context.Background()))
		mu.Lock()
		atEnd := ended
		mu.Unlock()
		starters.Wait()
		require.Equal(t, atEnd, ended, "something has run after Drain")
		require.GreaterOrEqual(t, ended, started)
	}
}

func TestDrainGivesLoadsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, began := quiet(), time.Now()
		ctx, cancel := l.LoadContext(context.Background(), 0)
		defer cancel()
		finished := false
		require.True(t, l.Load(func() {
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Second):
				finished = true
			}
		}))
		require.True(t, ends(t, l, 10*time.Second))
		require.True(t, finished, "its context did not end")
		require.Equal(t, 5*time.Second, time.Since(began))
		synctest.Wait()
		require.Error(t, ctx.Err(), "what is left of a load ends with the store")
	})
}

// A load that ends when its context does is in time, for it has a moment to react.
func TestDrainEndsTheContextsOfLoadsThatTakeTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, began := quiet(), time.Now()
		ctx, cancel := l.LoadContext(context.Background(), 0)
		defer cancel()
		require.True(t, l.Load(func() { <-ctx.Done(); time.Sleep(grace / 2) }))
		require.True(t, ends(t, l, 10*time.Second))
		require.Equal(t, 10*time.Second+grace/2, time.Since(began))
	})
}

func TestDrainDoesNotWaitForALoadThatIgnoresItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, began := quiet(), time.Now()
		release := make(chan struct{})
		background, closer := false, false
		require.True(t, l.Load(func() { <-release }))
		require.True(t, l.Background("work", func(ctx context.Context) { <-ctx.Done(); background = true }))
		l.OnClose(func() { closer = true })
		require.False(t, ends(t, l, 10*time.Second))
		require.Equal(t, 10*time.Second+grace, time.Since(began))
		require.True(t, background)
		require.True(t, closer, "resources are freed all the same")
		close(release)
	})
}

// Loads may need the background work, and the resources, until they have ended.
func TestTheOrderOfClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := quiet()
		var order []string
		l.OnClose(func() { order = append(order, "first closer") })
		l.OnClose(func() { order = append(order, "second closer") })
		require.True(t, l.Background("work", func(ctx context.Context) {
			<-ctx.Done()
			time.Sleep(time.Second)
			order = append(order, "background")
		}))
		require.True(t, l.Load(func() { time.Sleep(5 * time.Second); order = append(order, "load") }))
		require.True(t, ends(t, l, time.Minute))
		require.Equal(t, []string{"load", "background", "first closer", "second closer"}, order)
	})
}

func TestPanicsAreCountedAndLogged(t *testing.T) {
	log := redistest.NewLog(slog.LevelInfo)
	l := New(log.Logger())
	require.True(t, l.Load(func() { panic("in a loader") }))
	require.True(t, l.Background("bookkeeping", func(context.Context) { panic(42) }))
	require.True(t, ends(t, l, time.Minute))
	require.EqualValues(t, 2, l.Panics())
	lines := log.At(slog.LevelError, "aside: recovered panic")
	require.ElementsMatch(t, []string{
		"aside: recovered panic in=load panic=in a loader", "aside: recovered panic in=bookkeeping panic=42",
	}, redistest.Texts(lines))
}

type contextKey struct{}

func TestLoadContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := quiet()
		caller, leave := context.WithTimeout(context.WithValue(context.Background(), contextKey{}, "value"), time.Second)
		ctx, cancel := l.LoadContext(caller, 0)
		bounded, cancelBounded := l.LoadContext(caller, time.Minute)
		leave()
		time.Sleep(2 * time.Second)
		require.NoError(t, ctx.Err(), "the caller who is gone does not end it")
		require.Equal(t, "value", ctx.Value(contextKey{}))
		require.Equal(t, "value", bounded.Value(contextKey{}))
		_, has := ctx.Deadline()
		require.False(t, has)

		time.Sleep(57 * time.Second)
		require.NoError(t, bounded.Err())
		time.Sleep(time.Second)
		synctest.Wait()
		require.ErrorIs(t, bounded.Err(), context.DeadlineExceeded)
		require.NoError(t, ctx.Err())
		cancelBounded()
		cancel()
		require.ErrorIs(t, ctx.Err(), context.Canceled)
		require.True(t, ends(t, l, time.Second))
	})
}

// The context of a load ends when the load is over, and with the store.
func TestLoadContextsEnd(t *testing.T) {
	l := quiet()
	for _, timeout := range []time.Duration{0, time.Hour} {
		ctx, cancel := l.LoadContext(context.Background(), timeout)
		cancel()
		require.ErrorIs(t, ctx.Err(), context.Canceled)
	}
	ctx, cancel := l.LoadContext(context.Background(), time.Hour)
	defer cancel()
	require.True(t, ends(t, l, time.Second))
	<-ctx.Done()
	require.ErrorIs(t, ctx.Err(), context.Canceled)
}

// A func that is called on closing may use the lifecycle.
func TestClosersRunWithoutTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := quiet()
		called := false
		l.OnClose(func() { called = true; l.OnClose(func() {}); require.False(t, l.Load(func() {})) })
		require.True(t, ends(t, l, time.Second))
		require.True(t, called)
	})
}
