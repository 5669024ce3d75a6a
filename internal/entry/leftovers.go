package entry

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/breaker"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/wire"
)

const (
	maxLeftovers = 20_000 // beyond that number a lease is left to run out
	firstLook    = 4 * time.Millisecond
	lookFactor   = 4
	firstRetry   = 5 * time.Millisecond
	maxRetry     = 200 * time.Millisecond
)

// leftovers are leases that this process may have in Redis without a load under them: a take was not answered, or the end
// of a load was not, or was refused. They are given back as soon as Redis answers.
//
// A take that was not answered may be carried out after its lease was given back. So whoever gives back a lease that was not
// there looks again, after 4, 16, 64 ... ms, for the lease time or somewhat longer. A take that arrives t after Redis answers
// again keeps others waiting for up to 3t; one that arrives later than that, for the lease time. A lease that was found can't
// come back: its take is carried out once.
type leftovers struct {
	wire      *wire.Wire
	life      *lifecycle.Lifecycle
	leaseTime time.Duration

	n    atomic.Int64  // number of leases, so that a process without any needs no lock; written under mu
	wake chan struct{} // receives when a lease was added

	mu      sync.Mutex
	leases  map[string]leftover // by the lease; under mu
	running bool                // under mu
}

type leftover struct {
	at    string // where it is
	due   time.Time
	wait  time.Duration // after the next time that it is not there
	retry time.Duration // after the next time that Redis does not answer
}

func newLeftovers(w *wire.Wire, life *lifecycle.Lifecycle, leaseTime time.Duration) *leftovers {
	return &leftovers{wire: w, life: life, leaseTime: leaseTime, wake: make(chan struct{}, 1), leases: make(map[string]leftover)}
}

// add has a lease given back, in the background. at is the key where it is.
func (l *leftovers) add(lease []byte, at string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.leases) >= maxLeftovers {
		return
	}
	l.leases[string(lease)] = leftover{at: at, wait: firstLook, retry: firstRetry}
	l.n.Store(int64(len(l.leases)))
	if l.running {
		pause.Wake(l.wake)
		return
	}
	l.running = l.life.Background("leases to give back", l.run)
}

// has reports whether a record that was found is a lease of this process, with no load under it.
func (l *leftovers) has(record []byte) bool {
	if l.n.Load() == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.leases[string(record)]
	return ok
}

// run gives leases back until none is left or the store closes.
func (l *leftovers) run(ctx context.Context) {
	for {
		l.once(ctx, time.Now())
		next, some := l.next()
		if !some || !pause.Until(ctx, time.Until(next), l.wake) {
			return
		}
	}
}

// next returns when the next lease is due. If there is none it ends running; the next add starts another run.
func (l *leftovers) next() (first time.Time, some bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, left := range l.leases {
		if !some || left.due.Before(first) {
			first, some = left.due, true
		}
	}
	l.running = some
	return first, some
}

// once tries to give back the leases whose turn has come then.
func (l *leftovers) once(ctx context.Context, then time.Time) {
	calls := l.due(then)
	_ = l.wire.Run(ctx, calls...) // each call has its own error
	l.settle(calls)
}

// due returns the calls that give back the leases whose turn has come then.
func (l *leftovers) due(then time.Time) (calls []*wire.Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for lease, left := range l.leases {
		if !left.due.After(then) {
			calls = append(calls, &wire.Call{Script: lua.Cas, Key: left.at, Args: []any{[]byte(lease), "drop"}})
		}
	}
	return calls
}

// settle looks at what came of the calls.
func (l *leftovers) settle(calls []*wire.Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, call := range calls {
		lease := string(call.Args[0].([]byte))
		left := l.leases[lease]
		switch err := call.Err(); {
		case err != nil && !redisx.Refused(err): // once more, each by itself: another master may answer
			left.due, left.retry = time.Now().Add(left.retry), min(2*left.retry, maxRetry)
			l.leases[lease] = left
		case call.Did() || left.wait > lookFactor*l.leaseTime:
			delete(l.leases, lease)
		default:
			left.due, left.wait, left.retry = time.Now().Add(left.wait), left.wait*lookFactor, firstRetry
			l.leases[lease] = left
		}
	}
	l.n.Store(int64(len(l.leases)))
}

// uncertain reports whether a call that failed may have been carried out, or may still be.
func uncertain(err error) bool {
	return err != nil && !redisx.Refused(err) && !errors.Is(err, breaker.ErrOpen) && !errors.Is(err, redisx.ErrClosed) &&
		!errors.Is(err, redisx.ErrNotSent)
}
