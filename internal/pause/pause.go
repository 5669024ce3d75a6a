// Package pause waits: for a while, between tries that fail, and between renewals of a lease. Every wait ends early when
// its context does.
package pause

import (
	"context"
	"time"
)

// For returns after d. It reports false, at once, if ctx ends first.
func For(ctx context.Context, d time.Duration) bool { return Until(ctx, d, nil) }

// Until returns after d, or as soon as wake receives. It reports false, at once, if ctx ends first.
func Until(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-wake:
		return true
	case <-ctx.Done():
		return false
	}
}

// Wake ends the wait of an [Until] on this channel, or the next one. The channel has room for one; that is enough, because
// a wait that has not seen the last wake yet needs no other.
func Wake(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// Renew calls renew after each interval until it reports false, done is closed, or ctx ends. An interval of a third of a
// lease lets one renewal fail.
func Renew(ctx context.Context, done <-chan struct{}, interval time.Duration, renew func() bool) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !renew() {
			return
		}
	}
}
