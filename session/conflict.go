package session

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jollyjet/aside/internal/pause"
)

// attempts limits how often one change is tried. Writers on one node take turns, so each failed attempt means that
// another node has stored a change.
const attempts = 500

// backOff waits for a random time that grows with the number of conflicts, so that nodes stop colliding.
func backOff(ctx context.Context, conflicts int) error {
	longest := min(time.Millisecond<<min(conflicts, 10), 30*time.Millisecond)
	if !pause.For(ctx, rand.N(longest)) { //nolint:gosec // no secret depends on it
		return ctx.Err()
	}
	return nil
}
