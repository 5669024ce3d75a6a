package flight_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/internal/flight"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type group = flight.Group[string, int]

func newGroup() *group {
	return &group{Start: func(f func()) bool { go f(); return true }}
}

func TestAllWhoAreCoveredShareOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, runs := newGroup(), atomic.Int64{}
		run := func(r *flight.Round) flight.Outcome[int] {
			time.Sleep(time.Second)
			return flight.Outcome[int]{Value: int(runs.Add(1)), Mark: r.Cover()}
		}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				v, err := g.Do(t.Context(), "k", run)
				require.NoError(t, err)
				require.Equal(t, 1, v)
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, runs.Load())
	})
}

// All callers that come after the mark was taken get the next run, and share it.
func TestLateCallersFormTheNextRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, runs := newGroup(), atomic.Int64{}
		run := func(r *flight.Round) flight.Outcome[int] {
			mark := r.Cover()
			time.Sleep(time.Second)
			return flight.Outcome[int]{Value: int(runs.Add(1)), Mark: mark}
		}
		var wg sync.WaitGroup
		ask := func(after time.Duration, want int) {
			wg.Go(func() {
				time.Sleep(after)
				v, err := g.Do(t.Context(), "k", run)
				require.NoError(t, err)
				require.Equal(t, want, v)
			})
		}
		ask(0, 1)
		for i := range 20 {
			ask(time.Duration(i+1)*10*time.Millisecond, 2)
		}
		ask(1500*time.Millisecond, 3)
		wg.Wait()
		require.EqualValues(t, 3, runs.Load())
	})
}

func TestACallerLeavesAloneAndTheOthersAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup()
		run := func(r *flight.Round) flight.Outcome[int] {
			time.Sleep(time.Minute)
			return flight.Outcome[int]{Value: 7, Mark: r.Cover()}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() {
			time.Sleep(time.Millisecond)
			v, err := g.Do(t.Context(), "k", run)
			require.NoError(t, err)
			require.Equal(t, 7, v)
		}()
		_, err := g.Do(ctx, "k", run)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(2 * time.Minute)
	})
}

// Late callers that have left do not cause another round.
func TestNoRoundForCallersThatLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, runs := newGroup(), atomic.Int64{}
		run := func(r *flight.Round) flight.Outcome[int] {
			mark := r.Cover()
			time.Sleep(time.Minute)
			return flight.Outcome[int]{Value: int(runs.Add(1)), Mark: mark}
		}
		go func() {
			time.Sleep(time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := g.Do(ctx, "k", run)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}()
		v, err := g.Do(t.Context(), "k", run)
		require.NoError(t, err)
		require.Equal(t, 1, v)
		synctest.Wait()
		require.EqualValues(t, 1, runs.Load())
	})
}

func TestAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, seen := newGroup(), make(chan bool, 2)
		run := func(r *flight.Round) flight.Outcome[int] {
			seen <- r.Abandoned()
			time.Sleep(time.Minute)
			seen <- r.Abandoned()
			return flight.Outcome[int]{Mark: r.Cover()}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _ = g.Do(ctx, "k", run)
		require.False(t, <-seen)
		require.True(t, <-seen)
	})
}

func TestRefusedStart(t *testing.T) {
	g := &group{Start: func(func()) bool { return false }}
	for range 2 {
		_, err := g.Do(t.Context(), "k", func(*flight.Round) flight.Outcome[int] { panic("not run") })
		require.ErrorIs(t, err, flight.ErrClosed)
	}
}

// However callers come and go, no caller receives a run that took its mark before the caller asked.
func TestNobodyIsAnsweredFromBeforeTheQuestion(t *testing.T) {
	g, clock := newGroup(), atomic.Int64{}
	run := func(r *flight.Round) flight.Outcome[int] {
		mark := r.Cover()
		now := int(clock.Add(1))
		runtime.Gosched()
		return flight.Outcome[int]{Value: now, Mark: mark}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				asked := int(clock.Load())
				read, err := g.Do(t.Context(), "k", run)
				if err != nil || read <= asked {
					t.Errorf("asked at %d, answered with %d, %v", asked, read, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestGuard(t *testing.T) {
	require.NoError(t, flight.Guard(func() {}).Err())
	require.ErrorIs(t, flight.Guard(runtime.Goexit).Err(), flight.ErrGoexit)

	cause := errors.New("boom")
	err := flight.Guard(func() { panic(cause) }).Err()
	var panicked *flight.PanicError
	require.ErrorAs(t, err, &panicked)
	require.ErrorIs(t, err, cause)
	require.Contains(t, string(panicked.Stack), "TestGuard")
	require.Contains(t, err.Error(), "boom")

	var nilPanic *runtime.PanicNilError
	require.ErrorAs(t, flight.Guard(func() { panic(nil) }).Err(), &nilPanic)
}
