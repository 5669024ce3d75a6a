package session

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/pause"
)

// attempts limits how often one change is tried. Writers on one node take turns, so each failed attempt means that
// another node has stored a change.
const attempts = 500

// newBackoff returns the pauses after conflicts. They are random, so that nodes stop colliding.
func newBackoff() *pause.Backoff {
	return &pause.Backoff{Least: time.Millisecond / 2, Most: 15 * time.Millisecond}
}

// backOff waits after a conflict. It returns the error of the context if that ends first.
func backOff(ctx context.Context, after *pause.Backoff) error {
	if !after.Wait(ctx) {
		return ctx.Err()
	}
	return nil
}
