package redistest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

const (
	pollEvery = 10 * time.Millisecond // between two questions to a server
	often     = 2 * time.Millisecond  // between two checks of a test
	// probeTimeout bounds one question to one server, so that a paused node
	// costs a poll a moment and not its whole deadline.
	probeTimeout = time.Second
)

// finalError ends a poll at once: trying again cannot help. poll unwraps it, since
// the error need not be final to a poll around this one.
type finalError struct{ error }

// poll repeats check until it returns nil. The error after the deadline is
// the last reason check gave for not being done.
func poll(timeout time.Duration, what string, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var reason error
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if final, ok := errors.AsType[finalError](err); ok {
			return fmt.Errorf("redistest: %s: %w", what, final.error)
		}
		if reason == nil || ctx.Err() == nil {
			reason = err // not the check that our own deadline broke off
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("redistest: %s: not within %s: %w", what, timeout, reason)
		case <-tick.C:
		}
	}
}

// Until polls until done reports true. It returns an error when ctx or the time ends first.
func Until(ctx context.Context, within time.Duration, what string, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for !done() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %v: %s", within, what)
		case <-time.After(often):
		}
	}
	return nil
}

// Eventually polls until done reports true. The test fails after 15 seconds.
func Eventually(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	Within(tb, 15*time.Second, what, done)
}

// Within is [Eventually] with another time.
func Within(tb testing.TB, limit time.Duration, what string, done func() bool) {
	tb.Helper()
	if err := Until(context.Background(), limit, what, done); err != nil {
		tb.Fatal(err)
	}
}
