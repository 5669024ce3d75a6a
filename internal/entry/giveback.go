package entry

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/wire"
)

// GiveBack removes leases under which there is no load. What can't be removed now is a leftover.
func (c *Cache) GiveBack(ctx context.Context, leases ...*Lease) {
	if len(leases) == 0 {
		return
	}
	calls := make([]*wire.Call, len(leases))
	for i, lease := range leases {
		calls[i] = lease.onLease("drop")
	}
	ctx, done := redisx.Linger(ctx)
	defer done()
	_ = c.cfg.Wire.Run(ctx, calls...) // each call has its own error
	for i, call := range calls {
		if call.Err() != nil {
			c.leftBehind(leases[i])
		}
	}
}

// leftBehind has a lease given back that may be left in Redis.
func (c *Cache) leftBehind(l *Lease) { c.leftovers.add(l.lease, l.at) }

// GiveBackOnce tries once to give back all leases that may be left in Redis without a load under them, and returns how many
// may still be. It happens by itself in the background, unless it is suspended.
func (e *Entries) GiveBackOnce(ctx context.Context) int {
	e.leftovers.once(ctx, time.Now().Add(time.Hour))
	return int(e.leftovers.n.Load())
}

// SuspendGiveBack leaves it to GiveBackOnce, for tests that need to know when it happens. It is called before anything else.
func (e *Entries) SuspendGiveBack() {
	e.leftovers.mu.Lock()
	defer e.leftovers.mu.Unlock()
	e.leftovers.running = true
}
