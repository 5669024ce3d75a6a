package session

import (
	"context"
	"sync"
)

// locks makes the writers of one session on this node take turns. Without it they would all succeed in the end, but
// only after many conflicts: of n writers that read the same version, one can store its change.
type locks struct {
	mu   sync.Mutex
	held map[string]*lock // guarded by mu
}

type lock struct {
	turn  chan struct{} // holds one token while the lock is taken
	users int           // how many hold or await the lock; guarded by locks.mu
}

func (l *locks) acquire(ctx context.Context, name string) (release func(), err error) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]*lock{}
	}
	k := l.held[name]
	if k == nil {
		k = &lock{turn: make(chan struct{}, 1)}
		l.held[name] = k
	}
	k.users++
	l.mu.Unlock()

	select {
	case k.turn <- struct{}{}:
		return func() { <-k.turn; l.leave(name, k) }, nil
	case <-ctx.Done():
		l.leave(name, k)
		return nil, ctx.Err()
	}
}

func (l *locks) leave(name string, k *lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(l.held, name)
	}
}
