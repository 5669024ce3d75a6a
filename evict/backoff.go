package evict

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jollyjet/aside/internal/pause"
)

// backoff is a pause that doubles each time, with jitter.
type backoff struct{ least, most, next time.Duration }

// sleep reports false if ctx ended first.
func (b *backoff) sleep(ctx context.Context) bool {
	wait := max(b.next, b.least)
	b.next = min(2*wait, b.most)
	return pause.For(ctx, wait/2+rand.N(wait))
}
