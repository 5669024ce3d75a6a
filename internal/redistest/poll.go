package redistest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

const (
	pollEvery = 10 * time.Millisecond
	// probeTimeout bounds one question to one server, so that a paused node
	// costs a poll a moment and not its whole deadline.
	probeTimeout = time.Second
)

// finalError ends a poll at once: trying again cannot help. poll takes it off,
// since to a poll around it the error may be no final one.
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

// Eventually polls until done reports true.
func Eventually(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(15 * time.Second); !done(); {
		if time.Now().After(deadline) {
			tb.Fatalf("not within 15 s: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
