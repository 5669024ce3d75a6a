package session

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/pause"
)

// locks lets the writers of one session on this node take turns. They would all succeed without, but by trying again
// and again: of n that read the same version one can store its change.
type locks struct {
	mu   sync.Mutex
	held map[string]*lock
}

type lock struct {
	turn  chan struct{} // holds one token while the lock is taken
	users int           // how many hold or await it; guarded by locks.mu
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

// fallBack waits a little longer after each conflict, by chance, so that nodes get out of each other's step.
func fallBack(ctx context.Context, conflicts int) error {
	longest := min(time.Millisecond<<min(conflicts, 10), 30*time.Millisecond)
	if !pause.For(ctx, rand.N(longest)) { //nolint:gosec // it guards nothing
		return ctx.Err()
	}
	return nil
}
