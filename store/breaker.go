package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"github.com/jollyjet/aside/internal/pause"
)

// errOpen is why nothing is sent to a node whose breaker is open.
var errOpen = errors.New("circuit breaker open")

// breaker stops sending to a master that does not answer. When it is open no caller waits for that master any more; a
// goroutine asks it now and then, and closes the breaker when it answers.
type breaker struct {
	st      *Store
	node    string
	client  atomic.Pointer[redis.Client] // that of a Cluster is another one after it had left
	circuit *gobreaker.CircuitBreaker[struct{}]

	open    atomic.Bool
	failing atomic.Bool // the last command failed, so the next success counts
	gone    atomic.Bool // it is no longer a master
}

// breakers are one for each master.
type breakers struct {
	st     *Store
	only   *breaker // of a single node
	mu     sync.RWMutex
	byNode map[string]*breaker
	trips  atomic.Int64
}

func newBreakers(st *Store) *breakers {
	b := &breakers{st: st, byNode: make(map[string]*breaker)}
	if node, ok := st.rdb.Node(); ok {
		b.only = b.of(node)
	}
	return b
}

// forKey returns the breaker of the master that has the key, or nil if that can't be told.
func (b *breakers) forKey(ctx context.Context, key string) *breaker {
	if b.only != nil {
		return b.only
	}
	cluster, _ := b.st.rdb.Cluster()
	node, err := cluster.MasterForKey(ctx, key)
	if err != nil {
		return nil
	}
	return b.of(node)
}

func (b *breakers) of(node *redis.Client) *breaker {
	addr := node.Options().Addr
	b.mu.RLock()
	one := b.byNode[addr]
	b.mu.RUnlock()
	if one == nil {
		one = b.make(addr)
	}
	if one.client.Load() != node {
		one.client.Store(node)
	}
	return one
}

func (b *breakers) make(addr string) *breaker {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byNode[addr] == nil {
		b.byNode[addr] = b.newBreaker(addr)
	}
	return b.byNode[addr]
}

// keep ends the breakers of those that are no longer masters.
func (b *breakers) keep(masters map[string]*redis.Options) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for addr, one := range b.byNode {
		if masters[addr] == nil {
			one.gone.Store(true)
			delete(b.byNode, addr)
		}
	}
}

func (b *breakers) newBreaker(addr string) *breaker {
	one := &breaker{st: b.st, node: addr}
	failures := uint32(b.st.cfg.breakAfter) //nolint:gosec // checked by the option
	one.circuit = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        addr,
		Timeout:     b.st.cfg.probeEvery,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failures },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			one.open.Store(to != gobreaker.StateClosed)
		},
	})
	return one
}

// allow reports whether commands may be sent.
func (b *breaker) allow() bool { return b == nil || !b.open.Load() }

// record takes note of what became of a command. Successes cost nothing while there are no failures.
func (b *breaker) record(ctx context.Context, err error) {
	if b == nil {
		return
	}
	sick := err != nil && ctx.Err() == nil && unhealthy(err)
	if !sick {
		if err == nil && b.failing.Load() && b.failing.Swap(false) {
			_, _ = b.circuit.Execute(func() (struct{}, error) { return struct{}{}, nil })
		}
		return
	}
	b.failing.Store(true)
	wasOpen := b.open.Load()
	_, _ = b.circuit.Execute(func() (struct{}, error) { return struct{}{}, err })
	if !wasOpen && b.open.Load() {
		b.opened(err)
	}
}

// opened starts asking whether the master is back. Several callers may see the breaker open; one goroutine is enough.
func (b *breaker) opened(cause error) {
	b.st.breakers.trips.Add(1)
	b.st.cfg.log.Warn("aside: Redis does not answer, reads go to the source until it does", "node", b.node, "cause", cause)
	b.st.start(&b.st.life.watch, "breaker", func() {
		for b.open.Load() {
			if !pause.For(b.st.life.background, b.st.cfg.probeEvery) || b.gone.Load() {
				return
			}
			_, _ = b.circuit.Execute(func() (struct{}, error) { // does not call while the timeout runs
				return struct{}{}, b.ping()
			})
			if cluster, ok := b.st.rdb.Cluster(); ok {
				cluster.ReloadState(b.st.life.background) // another node may have taken its place
			}
		}
		b.failing.Store(false)
		poke(b.st.evictions.wake)
		b.st.cfg.log.Warn("aside: Redis answers again", "node", b.node)
	})
}

func (b *breaker) ping() error {
	ctx, cancel := context.WithTimeout(b.st.life.background, b.st.cfg.timeout)
	defer cancel()
	return b.client.Load().Ping(ctx).Err()
}

// unhealthy reports whether an error speaks of the server or the way to it, not of the command.
func unhealthy(err error) bool {
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	return says(err, "LOADING", "CLUSTERDOWN", "MASTERDOWN", "NOAUTH", "WRONGPASS", "max number of clients")
}

// says reports whether an error is an answer of Redis that begins with one of the words.
func says(err error, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return redis.HasErrorPrefix(err, word) })
}

// admit returns the calls whose masters may be asked, each with its breaker.
func (s *Store) admit(ctx context.Context, calls []*call) (admitted []*call, by []*breaker) {
	if one := s.breakers.only; one != nil {
		if !one.allow() {
			return nil, nil
		}
		return calls, nil
	}
	for _, c := range calls {
		if b := s.breakers.forKey(ctx, c.Key); b.allow() {
			admitted, by = append(admitted, c), append(by, b)
		}
	}
	return admitted, by
}

// note tells the breakers what became of the calls.
func (s *Store) note(ctx context.Context, calls []*call, by []*breaker, err error) {
	if one := s.breakers.only; one != nil {
		one.record(ctx, err)
		return
	}
	for i, c := range calls {
		by[i].record(ctx, c.Err())
	}
}

func (b *breaker) refusal() error { return fmt.Errorf("%w: %w: %s", ErrUnavailable, errOpen, b.node) }

// BreakerStats is the state of the circuit breakers.
type BreakerStats struct {
	Open    []string // the masters that nothing is sent to
	Masters []string // those of now, as far as they are known
	Trips   int64    // how often a breaker has opened
}

func (b *breakers) stats() BreakerStats {
	s := BreakerStats{Trips: b.trips.Load(), Masters: b.st.feed.followed()}
	b.mu.RLock()
	defer b.mu.RUnlock()
	for addr, one := range b.byNode {
		if one.open.Load() {
			s.Open = append(s.Open, addr)
		}
	}
	return s
}
