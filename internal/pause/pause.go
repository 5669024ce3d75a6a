// Package pause waits for a while, or until there is no more reason to.
package pause

import (
	"context"
	"time"
)

// For returns after d. It reports false, at once, if ctx ends first.
func For(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
