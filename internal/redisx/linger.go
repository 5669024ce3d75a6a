package redisx

import (
	"context"
	"time"
)

// Lingering is how long after their caller has left commands are waited for that tidy up or must not be lost. A healthy
// Redis has answered by then.
const Lingering = 4 * time.Millisecond

// Linger returns a context that ends 4 ms after ctx does, so that commands are still sent when their caller has left, and
// nobody waits long for them.
func Linger(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Done() == nil {
		return ctx, func() {}
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(Lingering, cancel) })
	return own, func() { stop(); cancel() }
}
