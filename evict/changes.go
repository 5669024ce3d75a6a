package evict

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/store"
)

// ErrPositionLost is wrapped by the error of a [Source] or a [Stream] that can't go on from the position that it was
// given, for example because the source's log does not reach back that far. [FromChanges] then begins anew.
var ErrPositionLost = errors.New("evict: the source can't go on from this position")

// Change is one change of a source, or only a position.
type Change[E any] struct {
	Event E    // what the targets are called with
	Idle  bool // nothing has changed, so Event is not looked at: the source only tells how far it has come

	// Position is where to go on after this change: any bytes that the source understands. It may be empty where the
	// source can't go on from here, such as in the middle of a transaction.
	Position string

	// At is when the change was made, for [ChangesStats.Lag]. Where it is zero that is when it was received.
	At time.Time
}

// Stream is an open stream of changes. Its methods are called from one goroutine.
type Stream[E any] interface {
	// Next waits for the next change. It returns an error, of whatever kind, when the stream has come to an end, and
	// soon after ctx has ended.
	Next(ctx context.Context) (Change[E], error)

	// Close is called once, after the last Next.
	Close() error
}

// Source opens the stream of the changes that came after a position, or if that is empty, of those from now on: then no
// change that is made after the source has returned may be missing. It returns soon after ctx has ended; the stream gets
// a context of its own. An error is logged, and the source called again.
//
// The stream may tell of a change more than once, and it may tell of several as if they were one, but it has to tell of
// them in an order in which every position covers all that came before it.
type Source[E any] func(ctx context.Context, after string) (Stream[E], error)

// Changes is a consumer that [FromChanges] has started.
type Changes struct {
	name, namespace string

	stop   context.CancelFunc
	ended  sync.WaitGroup
	counts changesCounts
}

type changesCounts struct {
	leading                                                 atomic.Bool
	received, handled, evictions, retries, failures, resets atomic.Int64
	last                                                    atomic.Int64 // lag of the change that was handled last
	oldest                                                  atomic.Int64 // when the oldest was made that is not handled yet; 0 if there is none
}

// ChangesStats is what a [Changes] has done so far, in this process.
type ChangesStats struct {
	// Leading reports whether this process consumes the changes. There is one in the fleet that does; the others wait
	// until it ends.
	Leading bool

	Changes   int64 // changes whose evictions are confirmed
	Evictions int64 // keys and tags of these, each once for all changes that were handled together
	Pending   int64 // changes received whose evictions are not confirmed yet
	Retries   int64 // times that evictions were not confirmed by Redis, and tried again
	Failures  int64 // times that the source or its stream has failed
	Resets    int64 // times that everything concerned was evicted, because there was no position to go on from

	// Lag is how long after the change was made the eviction was confirmed, for the last one, or how long the oldest
	// pending one has been waiting if that is longer. It compares the source's clock with this machine's.
	Lag time.Duration
}

// FromChanges evicts what a stream of changes tells of, so that also a write made past the application (by another
// program, by hand, by a migration) evicts. The source may be MongoDB's change streams, PostgreSQL's logical
// replication, a topic that Debezium writes, or a table that triggers fill. The targets are those of [After], with an
// event in the place of the write's argument: [Key], [Keys], [Tags], [All] and [Expire].
//
//	changes := evict.FromChanges(ctx, st, "products", source,
//		evict.Key(products, func(c Change) string { return c.ID }),
//		evict.Tags(st, func(Change) []string { return []string{"catalogue"} }))
//	defer changes.Close()
//
// It works in the background until ctx ends, [Changes.Close] is called, or the store is closed. Of all processes that
// call it with the same namespace and name one consumes; when that one ends another goes on, at once or if it was
// killed, when its lease is over (store.LeaseTime). Streams with different content need different names.
//
// Every change is evicted at least once. How far the consumer has come is stored in Redis, and only when Redis has
// confirmed the evictions of all changes until there. After a failure of the source, of Redis, or of this process, it
// goes on from there, after a pause of 50 ms, then 100 ms and so on up to 5 s. While Redis can't be reached nothing is
// read from the source beyond a thousand changes, and no position is lost.
//
// Where there is no position to go on from, all entries that the targets can concern are evicted once, after the source
// has begun: the caches of [Key], [Keys], [All] and [Expire], and for [Tags] the namespace. That is so the first time,
// when Redis has lost the position, and when the source returns [ErrPositionLost].
//
// If Redis forgets evictions that it had confirmed (a failover to a replica that lags, a restart from older data), it
// forgets the position with them where they are on the same server, and so they are repeated from there within a third
// of the store's lease time. On Cluster they may be on different servers, and then are not.
//
// What a change evicts reaches reads that begin after the eviction, like any other eviction: a value of before the change
// may be read until its event has arrived. So it does not take the place of [After] or [Around] in the application.
//
// FromChanges panics if something is nil or if the targets do not fit.
func FromChanges[E any](ctx context.Context, st *store.Store, name string, source Source[E], targets ...Target[E]) *Changes {
	p := changesPlan(st, name, source == nil, targets)
	c := &consumer[E]{Changes: &Changes{name: name, namespace: st.Namespace()}, source: source, plan: p}
	ctx, c.stop = context.WithCancel(ctx)
	st.Engine().Life.OnClose(c.Close)
	c.ended.Go(func() { c.run(ctx) })
	return c.Changes
}

// changesPlan sorts the targets, and refuses what can't be meant.
func changesPlan[E any](st *store.Store, name string, noSource bool, targets []Target[E]) *plan[E, none] {
	if st == nil || noSource || name == "" {
		panic("evict: FromChanges: the store and the source must not be nil, the name not empty")
	}
	for i, t := range targets {
		if _, fits := t.(victims[E]); t != nil && !fits {
			what, _ := t.target()
			panic(fmt.Sprintf("evict: FromChanges: target %d (%s) does not fit; use Key, Keys, Tags, All or Expire", i+1, what))
		}
	}
	p := newPlan[E, none]("FromChanges", false, targets)
	if p.st != st {
		panic("evict: FromChanges: the targets belong to another store")
	}
	return p
}

// Name returns the name that [FromChanges] was given.
func (c *Changes) Name() string { return c.name }

// Namespace returns the namespace of the store.
func (c *Changes) Namespace() string { return c.namespace }

// Close ends the consumer and waits until it has ended. What it has received and not evicted will be received again by
// the next one. Closing the store does the same, but then the next one has to wait until the lease is over. Close may be
// called more than once.
func (c *Changes) Close() {
	c.stop()
	c.ended.Wait()
}

// Stats returns the counters. They are not read at one instant.
func (c *Changes) Stats() ChangesStats {
	n := &c.counts
	s := ChangesStats{
		Leading: n.leading.Load(), Changes: n.handled.Load(), Evictions: n.evictions.Load(),
		Retries: n.retries.Load(), Failures: n.failures.Load(), Resets: n.resets.Load(),
		Lag: time.Duration(n.last.Load()),
	}
	s.Pending = max(0, n.received.Load()-s.Changes)
	if oldest := n.oldest.Load(); oldest != 0 {
		s.Lag = max(s.Lag, time.Since(time.Unix(0, oldest)))
	}
	return s
}
