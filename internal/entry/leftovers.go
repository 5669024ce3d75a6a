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
	maxLeftovers  = 20_000 // beyond that number a lease is left to run out
	leftoverBatch = 256    // leases given back in one round trip
	firstLook     = 4 * time.Millisecond
	lookFactor    = 4
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
	at   string // where it is
	due  time.Time
	wait time.Duration // after the next time that it is not there
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
	l.leases[string(lease)] = leftover{at: at, wait: firstLook}
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
	backoff := pause.Backoff{Least: 5 * time.Millisecond, Most: 200 * time.Millisecond}
	for {
		if l.once(ctx, time.Now()) {
			backoff.Reset()
		} else if !backoff.Wait(ctx) {
			return
		}
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

// once gives back the leases that are due then. It reports false if Redis did not answer.
func (l *leftovers) once(ctx context.Context, then time.Time) (answered bool) {
	due := l.due(then)
	for len(due) > 0 {
		batch := due[:min(len(due), leftoverBatch)]
		due = due[len(batch):]
		_ = l.wire.Run(ctx, batch...) // each call has its own error
		if !l.settle(batch) {
			return false
		}
	}
	return true
}

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

// settle looks at what came of the calls. It reports whether any was answered.
func (l *leftovers) settle(calls []*wire.Call) (answered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, call := range calls {
		lease := string(call.Args[0].([]byte))
		left := l.leases[lease]
		if err := call.Err(); err != nil && !redisx.Refused(err) {
			continue // once more
		}
		answered = true
		if call.Did() || left.wait > lookFactor*l.leaseTime {
			delete(l.leases, lease)
		} else {
			left.due, left.wait = time.Now().Add(left.wait), left.wait*lookFactor
			l.leases[lease] = left
		}
	}
	l.n.Store(int64(len(l.leases)))
	return answered
}

// uncertain reports whether a call that failed may have been carried out, or may still be.
func uncertain(err error) bool {
	return err != nil && !redisx.Refused(err) && !errors.Is(err, breaker.ErrOpen) && !errors.Is(err, redisx.ErrClosed) &&
		!errors.Is(err, redisx.ErrNotSent)
}
