package breaker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/redisx"
)

// ErrOpen is wrapped by the error for a command that is not sent. The error also wraps why the breaker opened, and what
// has failed last.
var ErrOpen = errors.New("circuit breaker open")

// node is the part of [redisx.Node] that a breaker needs.
type node interface {
	Addr() string
	Ping(ctx context.Context) (took time.Duration, err error)
}

// breaker guards one master. It implements [redisx.Breaker].
type breaker struct {
	*shared
	addr string
	node atomic.Pointer[node] // a node of a Cluster that leaves and comes back has another client

	open    atomic.Bool           // commands are held back, and a goroutine watches; changes with mu held
	failing atomic.Bool           // a command has failed since the last success, so the next success counts; written with mu held
	refusal atomic.Pointer[error] // what Allow returns while open; written with mu held
	left    atomic.Bool           // it is no longer a master

	healed chan struct{} // wakes the goroutine that probes when the circuit has closed

	mu      sync.Mutex                          // guards the fields below
	circuit *gobreaker.CircuitBreaker[struct{}] // counts outcomes; another after the node has left
	tripped bool                                // the circuit is not closed
	cause   error                               // why it has tripped
}

func newBreaker(s *shared, addr string) *breaker {
	b := &breaker{shared: s, addr: addr, healed: make(chan struct{}, 1)}
	b.circuit = b.newCircuit()
	return b
}

func (b *breaker) newCircuit() *gobreaker.CircuitBreaker[struct{}] {
	failures := uint32(b.Failures) //nolint:gosec // checked by the option of the owner
	return gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        b.addr,
		Timeout:     max(1, b.ProbeEvery/2), // shorter than a pause between probes, so that each probe counts
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failures },
	})
}

// Allow implements [redisx.Breaker].
func (b *breaker) Allow() error {
	if !b.open.Load() || b.bypass.Load() {
		return nil
	}
	return *b.refusal.Load()
}

// Record implements [redisx.Breaker]. Successes cost nothing while there are no failures.
func (b *breaker) Record(err error) {
	if err == nil && !b.failing.Load() || err != nil && !b.Failed(err) { // other errors say nothing about the master
		return
	}
	if b.count(err) {
		b.Go("breaker", b.watch) // if the owner has closed nothing is sent any more, unless by Bypass
	}
}

// count adds an outcome to the circuit. It reports whether that has opened the breaker, so that it is to be watched.
func (b *breaker) count(err error) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, outcome := b.circuit.Execute(func() (struct{}, error) { return struct{}{}, err }) // refused while it is too early
	was := b.tripped
	b.tripped = b.circuit.State() != gobreaker.StateClosed
	if err == nil {
		if outcome == nil {
			b.failing.Store(false)
		}
		if was && !b.tripped {
			pause.Wake(b.healed)
		}
		return false
	}
	b.failing.Store(true)
	if b.tripped && !was {
		b.trips.Add(1)
		b.cause = err
		select {
		case <-b.healed: // of the last time
		default:
		}
	}
	if b.tripped {
		b.refuse(err)
	}
	if !b.tripped || b.open.Load() {
		return false
	}
	b.open.Store(true)
	return true
}

// refuse prepares what Allow returns. The caller holds mu.
func (b *breaker) refuse(latest error) {
	err := fmt.Errorf("%w: %s: %w", ErrOpen, b.addr, b.cause)
	if b.cause.Error() != latest.Error() {
		err = fmt.Errorf("%w: %s: %w, then %w", ErrOpen, b.addr, b.cause, latest)
	}
	b.refusal.Store(&err)
}

// watch runs while the breaker is open: it announces that, probes the master, and closes the breaker in the end.
func (b *breaker) watch(ctx context.Context) {
	for closed := false; !closed; {
		b.mu.Lock()
		cause := b.cause
		b.mu.Unlock()
		if b.OnOpen != nil {
			b.event(func() { b.OnOpen(b.addr, cause) })
		}
		left := b.probe(ctx)
		if ctx.Err() != nil {
			return
		}
		if b.OnClose != nil {
			b.event(func() { b.OnClose(b.addr, left) })
		}
		closed = b.close(left)
	}
	if b.Closed != nil {
		b.event(func() { b.Closed(b.addr) })
	}
}

// probe pings the master until the circuit has closed or ctx ends, or the node has left, which it reports.
func (b *breaker) probe(ctx context.Context) (left bool) {
	for {
		if !pause.Until(ctx, b.ProbeEvery, b.healed) {
			return false
		}
		if b.left.Load() { // nothing is sent to it; if it is a master again it begins anew
			return true
		}
		if b.isTripped() {
			err := b.ping(ctx)
			switch {
			case errors.Is(err, redis.ErrClosed): // go-redis closes the clients of nodes that have left a Cluster
				return true
			case redisx.Refused(err) && !b.Failed(err): // the user may not ping, but the master answers
				b.count(nil)
			}
		}
		if !b.isTripped() {
			return false
		}
	}
}

// ping pings the master, which has the outcome recorded. A function of the user's may panic in it, such as one that makes
// connections; that must not end the probes, or the breaker would stay open for good.
func (b *breaker) ping(ctx context.Context) (err error) {
	b.event(func() { _, err = (*b.node.Load()).Ping(ctx) })
	return err
}

func (b *breaker) isTripped() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tripped
}

// close lets commands through again. It reports false if the circuit has tripped anew.
func (b *breaker) close(left bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if left {
		b.circuit, b.tripped = b.newCircuit(), false
		b.failing.Store(false)
	}
	if b.tripped {
		return false
	}
	b.open.Store(false)
	return true
}

var _ redisx.Breaker = (*breaker)(nil)
