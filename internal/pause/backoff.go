package pause

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff makes the pauses between tries longer, from Least to Most. Chance varies each by half, so that processes which
// failed together do not come back together. Its methods are for one goroutine at a time; Least, Most and Factor may be
// changed between two calls.
type Backoff struct {
	Least, Most time.Duration
	Factor      float64 // from one pause to the next; 0 is 2

	next time.Duration // 0: Least
}

// Next returns how long to pause now: between half of the current length and one and a half of it. Then the length grows.
func (b *Backoff) Next() time.Duration {
	d := min(max(b.next, b.Least), b.Most)
	factor := b.Factor
	if factor == 0 {
		factor = 2
	}
	b.next = time.Duration(min(float64(d)*factor, float64(b.Most)))
	return d/2 + rand.N(max(1, d)) //nolint:gosec // it guards nothing
}

// Wait pauses for [Backoff.Next]. It reports false, at once, if ctx ends first.
func (b *Backoff) Wait(ctx context.Context) bool { return For(ctx, b.Next()) }

// WaitUntil is Wait, but returns as soon as wake receives.
func (b *Backoff) WaitUntil(ctx context.Context, wake <-chan struct{}) bool {
	return Until(ctx, b.Next(), wake)
}

// Reset makes the next pause the shortest: a try has succeeded.
func (b *Backoff) Reset() { b.next = 0 }

// Longest makes the next pause the longest: another try soon is of no use.
func (b *Backoff) Longest() { b.next = b.Most }

// After returns the pause after so many failures: least, and twice as long after each further one, up to most. It is for
// those who count failures by key, and leaves nothing to chance.
func After(failures int, least, most time.Duration) time.Duration {
	d := least
	for range failures - 1 {
		if d >= most {
			break
		}
		d *= 2
	}
	return min(d, most)
}
