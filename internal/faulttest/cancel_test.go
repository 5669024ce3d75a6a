package faulttest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

const (
	leavesAfter = 20 * time.Millisecond  // a caller cancels its context
	atOnce      = 100 * time.Millisecond // after that every call has returned; on an idle machine it takes a few ms
	many        = 64
)

// calls are the public calls of a package, on a Redis that can hang.
type calls interface {
	// names are the names of the calls.
	names() []string
	// prepare is called while Redis is well. It makes a connection for each caller, and returns what the i-th caller does.
	prepare(t *testing.T, name string, callers int) func(ctx context.Context, i int) error
	// check is called when Redis is well again.
	check(t *testing.T, name string, callers int)
}

// world makes the calls of a package, with a client whose commands share pipelines, or with one whose commands never do.
type world struct {
	name  string
	begin func(t *testing.T, server *redistest.Server, shares int) calls
}

var worlds = []world{{"store", newStoreCalls}, {"session", newSessionCalls}, {"ratelimit", newLimitCalls}}

// A cancelled context ends the wait for Redis, whatever the call, for one caller and for many, with open connections and
// without.
func TestACancelledCallReturnsAtOnce(t *testing.T) {
	for _, w := range worlds {
		for _, shares := range []int{0, 8} {
			t.Run(fmt.Sprintf("%s/share from %d", w.name, shares), func(t *testing.T) {
				t.Parallel()
				server := redistest.Start(t)
				c := w.begin(t, server, shares)
				for _, callers := range []int{1, many} {
					for _, connected := range []bool{true, false} {
						cancelledAll(t, server, c, callers, connected)
					}
				}
			})
		}
	}
}

// cancelledAll makes each call, cancels it, and reports how long the slowest took.
func cancelledAll(t *testing.T, server *redistest.Server, c calls, callers int, connected bool) {
	t.Helper()
	var worst time.Duration
	var late []string
	for _, name := range c.names() {
		took := cancelled(t, server, c, name, callers, connected)
		worst = max(worst, took)
		if took > atOnce {
			late = append(late, fmt.Sprintf("%s %d ms", name, took.Milliseconds()))
		}
	}
	t.Logf("%2d callers, connected %v: %d of %d calls too late, the worst returned %.1f ms after the cancellation",
		callers, connected, len(late), len(c.names()), ms(worst))
	assert.Empty(t, late, "too late with %d callers, connected %v", callers, connected)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// cancelled has callers make a call while Redis hangs, and returns how long the last one stayed after all had cancelled.
func cancelled(t *testing.T, server *redistest.Server, c calls, name string, callers int, connected bool) time.Duration {
	t.Helper()
	do := c.prepare(t, name, callers)
	if !connected {
		_, err := server.Do(t.Context(), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		require.NoError(t, err)
	}
	server.Pause()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { _ = do(ctx, i) }) // what it returns depends on the call
	}
	returned := make(chan struct{})
	go func() { defer close(returned); wg.Wait() }()
	timer := time.NewTimer(leavesAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-returned: // it did not wait for Redis at all
	}
	cancel()
	began := time.Now()
	<-returned
	took := time.Since(began)
	server.Resume()
	c.check(t, name, callers)
	return took
}

// together calls f for each caller at the same time, and checks that all succeed in the end.
func together(t *testing.T, callers int, f func(i int) error) {
	t.Helper()
	redistest.Eventually(t, "all callers are served", func() bool {
		var wg sync.WaitGroup
		failed := make([]error, callers)
		for i := range callers {
			wg.Go(func() { failed[i] = f(i) })
		}
		wg.Wait()
		for _, err := range failed {
			if err != nil {
				return false
			}
		}
		return true
	})
}

// ask is one public call.
type ask struct {
	name string
	do   func(ctx context.Context, i int) error
}

func namesOf(asks []ask) (names []string) {
	for _, a := range asks {
		names = append(names, a.name)
	}
	return names
}

func find(t *testing.T, asks []ask, name string) func(context.Context, int) error {
	t.Helper()
	for _, a := range asks {
		if a.name == name {
			return a.do
		}
	}
	require.Fail(t, "no such call", name)
	return nil
}

// A context that ended before the call costs no wait either.
func TestACallWithACancelledContextReturnsAtOnce(t *testing.T) {
	server := redistest.Start(t)
	for _, w := range worlds {
		c := w.begin(t, server, 0)
		var worst time.Duration
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, call := range c.names() {
			do := c.prepare(t, call, 1)
			server.Pause()
			began := time.Now()
			_ = do(ctx, 0)
			took := time.Since(began)
			server.Resume()
			worst = max(worst, took)
			assert.Less(t, took, atOnce, call)
		}
		t.Logf("%s: the worst took %.1f ms", w.name, ms(worst))
	}
}
