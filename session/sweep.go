package session

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/redisx"
)

// Swept is the result of a sweep.
type Swept struct {
	Users   int64 // users whose sets were examined
	Dropped int64 // entries removed because their session no longer exists
	Skipped bool  // another node is sweeping
}

// Sweep removes entries without a session from the sets of all users. It only saves memory, of entries whose session
// was ended while the set could not be reached. Without it, each set expires with its last session, and Login and List
// remove the entries that they find. Only one node sweeps at a time.
func (m *Manager[T]) Sweep(ctx context.Context) (Swept, error) { return m.sweep(ctx, 0) }

// sweep keeps other nodes from sweeping until it has finished, or until hold has passed if that is later and it
// succeeds.
func (m *Manager[T]) sweep(ctx context.Context, hold time.Duration) (Swept, error) {
	const working = 10 * time.Minute
	lock := m.p.conn.Namespace + ":janitor"
	mine := newVersion()
	lockCall := &redisx.Call{Name: "set", Key: lock, Args: []any{mine, "nx", "px", max(working, hold).Milliseconds()}}
	if err := m.p.run(ctx, lockCall); err != nil {
		return Swept{}, err
	}
	if lockCall.Reply.Err() != nil { // another node has it
		return Swept{Skipped: true}, nil
	}
	var users, dropped atomic.Int64
	err := m.p.scan(ctx, "u", func(ctx context.Context, keys []string) error {
		for _, key := range keys {
			n, err := m.p.prune(ctx, key)
			users.Add(1)
			dropped.Add(n)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if hold == 0 || err != nil {
		ctx, done := redisx.Linger(ctx)
		defer done()
		// If this fails, the lock expires.
		_ = m.p.run(ctx, &redisx.Call{Script: unlockScript, Key: lock, Args: []any{mine}})
	} else {
		// If this fails, the lock is held for longer.
		_ = m.p.run(ctx, &redisx.Call{Name: "pexpire", Key: lock, Args: []any{hold.Milliseconds()}})
	}
	return Swept{Users: users.Load(), Dropped: dropped.Load()}, err
}

// Janitor sweeps every d until the context ends, and returns the context's error. Of all nodes that run it, one sweeps
// each time. Failed sweeps are reported as [Unavailable] events; the next one tries again.
func (m *Manager[T]) Janitor(ctx context.Context, d time.Duration) error {
	if d < time.Second {
		return errors.New("session: Janitor: use an interval of 1s or more")
	}
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		_, _ = m.sweep(ctx, d*9/10) // reported
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
