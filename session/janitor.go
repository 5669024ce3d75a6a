package session

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/redisx"
)

const scanCount = 500

// scan walks the keys of the namespace that begin with kind, on every master, batch by batch. Masters are walked at the
// same time.
func (e *engine) scan(ctx context.Context, kind string, visit func(ctx context.Context, keys []string) error) error {
	err := e.rdb.EachMaster(ctx, func(ctx context.Context, node *redisx.Node) error {
		var at redisx.Page
		for {
			page, err := node.Scan(ctx, at.Next, e.namespace+":"+kind+":*", scanCount, at.Run)
			if err != nil {
				return e.judge(ctx, err)
			}
			if err := visit(ctx, page.Keys); err != nil {
				return err
			}
			if at = page; at.Next == 0 {
				return nil
			}
		}
	})
	if err != nil && !errors.Is(err, ErrUnavailable) && ctx.Err() == nil { // the masters are not known
		return e.judge(ctx, err)
	}
	return err
}

// DestroyEveryone ends all sessions there are, of all users and of none (ASVS 5.0 7.4.5), and returns how many keys it
// removed. It walks the keys of the namespace, so it is the slow way, for an emergency. When it returns nil, no session
// that existed when it was called is valid; after an error some may be, and it can be called again.
func (m *Manager[T]) DestroyEveryone(ctx context.Context) (int64, error) {
	var n atomic.Int64
	for _, kind := range []string{"u", "s"} { // that of users first: it ends many at once
		err := m.e.scan(ctx, kind, func(ctx context.Context, keys []string) error {
			if len(keys) == 0 {
				return nil
			}
			calls := make([]*redisx.Call, len(keys))
			for i, key := range keys {
				calls[i] = &redisx.Call{Script: dropScript, Key: key}
			}
			err := m.e.run(ctx, calls...)
			for _, c := range calls {
				if c.Did() {
					n.Add(1)
				}
			}
			return err
		})
		if err != nil {
			return n.Load(), err
		}
	}
	return n.Load(), nil
}

// Swept is what a sweep found.
type Swept struct {
	Users   int64 // whose sessions were looked through
	Dropped int64 // entries of sessions that no longer exist
	Skipped bool  // another node is at it
}

// Sweep drops from the sets of the users' sessions what is no session any more. Nothing depends on it: each set ends
// with its last session, and login and List drop what they meet. It saves the memory of entries whose session was ended
// while their set could not be reached. Of all nodes that call it one sweeps at a time.
func (m *Manager[T]) Sweep(ctx context.Context) (Swept, error) { return m.sweep(ctx, 0) }

// sweep keeps other nodes from sweeping until it is done, and for the given time longer.
func (m *Manager[T]) sweep(ctx context.Context, hold time.Duration) (Swept, error) {
	const working = 10 * time.Minute
	lock := m.e.namespace + ":janitor"
	mine := newVersion()
	take := &redisx.Call{Name: "set", Key: lock, Args: []any{mine, "nx", "px", max(working, hold).Milliseconds()}}
	if err := m.e.run(ctx, take); err != nil {
		return Swept{}, err
	}
	if take.Reply.Err() != nil { // there is one
		return Swept{Skipped: true}, nil
	}
	var users, dropped atomic.Int64
	err := m.e.scan(ctx, "u", func(ctx context.Context, keys []string) error {
		for _, key := range keys {
			n, err := m.e.sweepUser(ctx, key)
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
		// If it fails the lock runs out.
		_ = m.e.run(ctx, &redisx.Call{Script: unlockScript, Key: lock, Args: []any{mine}})
	} else {
		// If it fails nobody sweeps for longer.
		_ = m.e.run(ctx, &redisx.Call{Name: "pexpire", Key: lock, Args: []any{hold.Milliseconds()}})
	}
	return Swept{Users: users.Load(), Dropped: dropped.Load()}, err
}

// Janitor sweeps every d, on one node of all that run it, until the context ends. It returns the context's error.
// Sweeps that fail are reported as [Unavailable] events and come again.
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
