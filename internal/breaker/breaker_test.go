package breaker

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/internal/redisx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	addr  = "10.0.0.1:6379"
	every = 100 * time.Millisecond
)

var (
	errDown  = &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	errReset = &net.OpError{Op: "read", Err: errors.New("connection reset")}
)

// world is a set with one master, which answers as it is told.
type world struct {
	*Set
	*breaker
	answer atomic.Pointer[error]
	probes atomic.Int64
	panics atomic.Int64 // how many of the next probes panic

	mu     sync.Mutex
	events []string // guarded by mu
	seen   func(event string)
}

func (w *world) Addr() string { return addr }

// Ping records the outcome, as the hooks of a client do.
func (w *world) Ping(context.Context) (time.Duration, error) {
	w.probes.Add(1)
	if w.panics.Add(-1) >= 0 {
		panic("while it connects")
	}
	err := *w.answer.Load()
	w.Record(err)
	return 0, err
}

func (w *world) answers(err error) { w.answer.Store(&err) }

func (w *world) fail(n int) {
	for range n {
		w.Record(errDown)
	}
}

func (w *world) happened(event string) {
	w.mu.Lock()
	w.events = append(w.events, event)
	w.mu.Unlock()
	if w.seen != nil {
		w.seen(event)
	}
}

func (w *world) soFar() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

// run has a test in a bubble, where the owner's context ends with it.
func run(t *testing.T, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		w.Set = New(Config{
			Failures: 3, ProbeEvery: every,
			Go: func(_ string, f func(context.Context)) bool {
				work.Go(func() { f(ctx) })
				return true
			},
			OnOpen: func(addr string, cause error) { w.happened("open " + addr + ": " + cause.Error()) },
			OnClose: func(addr string, left bool) {
				if left {
					addr += ", which has left"
				}
				w.happened("close " + addr)
			},
			Closed:    func(addr string) { w.happened("closed " + addr) },
			Recovered: func(what string, _ any) { w.happened("panic in " + what) },
		})
		w.breaker = w.breakerOf(w)
		w.answers(errDown)
		test(t, w)
		cancel()
		work.Wait()
	})
}

const (
	opened  = "open 10.0.0.1:6379: dial: connection refused"
	closing = "close 10.0.0.1:6379"
	closed  = "closed 10.0.0.1:6379"
)

func TestOnlyFailuresInARowOpenIt(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.fail(2)
		w.Record(nil)
		w.fail(2)
		w.Record(redisx.ErrClosed) // says nothing
		require.NoError(t, w.Allow())
		require.Empty(t, w.Open())
		w.fail(1)
		require.ErrorIs(t, w.Allow(), ErrOpen)
		require.ErrorIs(t, w.Allow(), errDown)
		require.EqualError(t, w.Allow(), "circuit breaker open: 10.0.0.1:6379: dial: connection refused")
		require.Equal(t, []string{addr}, w.Open())
		require.EqualValues(t, 1, w.Trips())

		w.Record(errReset) // was on its way
		require.ErrorIs(t, w.Allow(), errDown)
		require.ErrorIs(t, w.Allow(), errReset)
		require.EqualError(t, w.Allow(),
			"circuit breaker open: 10.0.0.1:6379: dial: connection refused, then read: connection reset")
		require.EqualValues(t, 1, w.Trips())
	})
}

func TestItClosesWhenAProbeIsAnswered(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.seen = func(event string) {
			if event == closed {
				require.NoError(t, w.Allow(), "commands are sent again")
			} else {
				require.Error(t, w.Allow(), "commands are held back")
			}
		}
		for n := range 3 {
			w.answers(errDown)
			w.fail(3)
			began, probes := time.Now(), w.probes.Load()
			synctest.Wait()
			time.Sleep(10 * every)
			require.Error(t, w.Allow())
			require.InDelta(t, 10, w.probes.Load()-probes, 1)
			w.answers(nil)
			for w.Allow() != nil {
				time.Sleep(time.Millisecond)
			}
			require.LessOrEqual(t, time.Since(began), 11*every+time.Millisecond, "the first answer closes it")
			require.EqualValues(t, n+1, w.Trips())
			synctest.Wait()
		}
		require.Equal(t, []string{opened, closing, closed, opened, closing, closed, opened, closing, closed}, w.soFar())
		w.fail(2)
		require.NoError(t, w.Allow(), "it begins anew")
	})
}

// Nobody waits for the next probe when a command that was on its way is answered.
func TestALateAnswerClosesIt(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.fail(3)
		w.Record(nil)
		synctest.Wait()
		require.Error(t, w.Allow(), "it may have been answered before the others failed")
		time.Sleep(every * 3 / 4)
		w.Record(nil)
		synctest.Wait()
		require.NoError(t, w.Allow())
		require.Zero(t, w.probes.Load())
	})
}

// A probe that panics is one that says nothing; the next one follows.
func TestAProbeThatPanicsDoesNotEndTheProbes(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.panics.Store(2)
		w.fail(3)
		w.answers(nil)
		time.Sleep(5 * every)
		synctest.Wait()
		require.NoError(t, w.Allow())
		require.Equal(t, []string{opened, "panic in breaker", "panic in breaker", closing, closed}, w.soFar())
	})
}

func TestItTripsAgainWhileItCloses(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.seen = func(event string) {
			if event == closing && w.Trips() == 1 {
				w.fail(3)
			}
		}
		w.fail(3)
		w.answers(nil)
		time.Sleep(3 * every)
		synctest.Wait()
		require.Equal(t, []string{opened, closing, opened, closing, closed}, w.soFar())
		require.EqualValues(t, 2, w.Trips())
		require.NoError(t, w.Allow())
	})
}

func TestManyCallersOpenItOnce(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				for range 20 {
					_ = w.Allow()
					w.fail(1)
				}
			})
		}
		callers.Wait()
		time.Sleep(2*every + every/2)
		require.Equal(t, []string{opened}, w.soFar())
		require.EqualValues(t, 2, w.probes.Load(), "one goroutine probes")
	})
}

func TestBypassSendsAllTheSame(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.fail(3)
		require.Error(t, w.Allow())
		w.Bypass()
		require.NoError(t, w.Allow())
		require.Equal(t, []string{addr}, w.Open())
	})
}

func TestANodeThatHasLeftIsNotProbed(t *testing.T) {
	for name, leave := range map[string]func(*world){
		"the owner says so":    func(w *world) { w.SetMasters(map[string]*redisx.Node{"10.0.0.2:6379": {}}) },
		"its client is closed": func(w *world) { w.answers(redis.ErrClosed) },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, w *world) {
				w.fail(3)
				synctest.Wait()
				leave(w)
				time.Sleep(every + time.Millisecond)
				probes := w.probes.Load()
				time.Sleep(10 * every)
				require.Equal(t, probes, w.probes.Load())
				require.Empty(t, w.Open())
				require.Equal(t, []string{opened, closing + ", which has left", closed}, w.soFar())

				w.SetMasters(map[string]*redisx.Node{addr: {}})
				require.Same(t, w.breaker, w.breakerOf(w), "it has come back")
				require.NoError(t, w.Allow())
				w.answers(errDown)
				w.fail(2)
				require.NoError(t, w.Allow())
				w.fail(1)
				require.Error(t, w.Allow())
			})
		})
	}
}

func TestAnEventThatPanicsKeepsNothingOpen(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.seen = func(event string) {
			if event != "panic in breaker" {
				panic(event)
			}
		}
		w.fail(3)
		w.answers(nil)
		time.Sleep(2 * every)
		require.NoError(t, w.Allow())
		require.Equal(t, []string{opened, "panic in breaker", closing, "panic in breaker", closed, "panic in breaker"}, w.soFar())
	})
}

// After the owner has closed there is no goroutine to start.
func TestAClosedOwnerProbesNothing(t *testing.T) {
	s := New(Config{Failures: 1, ProbeEvery: every, Go: func(string, func(context.Context)) bool { return false }})
	b := s.breakerOf(&world{})
	b.Record(errDown)
	require.Error(t, b.Allow())
	s.Bypass()
	require.NoError(t, b.Allow())
}

// It is on everybody's way.
func TestAClosedBreakerCostsNoAllocation(t *testing.T) {
	b := New(Config{Failures: 3, ProbeEvery: every}).breakerOf(&world{})
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if b.Allow() == nil {
			b.Record(nil)
		}
	}))
}

// reply is an error that Redis has answered.
type reply string

func (r reply) Error() string { return string(r) }

func (reply) RedisError() {}

// A master that refuses the ping answers, so the breaker closes.
func TestARefusedPingIsAnAnswer(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		w.answers(reply("NOPERM User app has no permissions to run the 'ping' command"))
		w.fail(3)
		require.Error(t, w.Allow())
		time.Sleep(every + every/10)
		synctest.Wait()
		require.NoError(t, w.Allow())
		require.EqualValues(t, 1, w.probes.Load())
		w.answers(reply("LOADING Redis is loading the dataset in memory"))
		w.fail(3)
		time.Sleep(5 * every)
		require.Error(t, w.Allow(), "it is not ready yet")
	})
}
