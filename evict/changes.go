package evict

import (
	"context"
	"fmt"
	"sync"

	"github.com/jollyjet/aside/store"
)

// Changes is a consumer that [FromChanges] has started.
type Changes struct {
	name, namespace string

	stop   context.CancelFunc
	ended  sync.WaitGroup
	counts changesCounts
}

// FromChanges evicts the entries that a stream of changes concerns. So writes that bypass the application (by another
// program, by hand, by a migration) evict, too. The source may be MongoDB's change streams, PostgreSQL's logical
// replication, a topic that Debezium writes, or a table that triggers fill. Targets are those of [After] with an event
// as argument: [Key], [Keys], [Tags], [All] and [Expire].
//
//	changes := evict.FromChanges(ctx, st, "products", source,
//		evict.Key(products, func(c Change) string { return c.ID }),
//		evict.Tags(st, func(Change) []string { return []string{"catalogue"} }))
//	defer changes.Close()
//
// It runs in the background until ctx ends, [Changes.Close] is called, or the store is closed. Of all processes that
// call it with the same namespace and name, one consumes. When that one ends another takes over at once; if it was
// killed, when its lease is over (store.LeaseTime). Streams with different content need different names.
//
// Every change is evicted at least once. The consumer's checkpoint is a position in the stream, stored in Redis once
// Redis has confirmed the evictions of all changes before it. After a failure of the source, of Redis, or of this
// process, the consumer continues from its checkpoint. Pauses between failures grow from 50 ms to 5 s. While Redis is
// unreachable the consumer reads at most a thousand changes ahead, and no position is lost.
//
// Without a checkpoint, all entries that the targets may concern are evicted once, after the source was opened and its
// stream has shown that it works: the caches of [Key], [Keys], [All] and [Expire], and the whole namespace for [Tags]. A
// stream works when it has reported a position, or has lasted for 200 ms (after failures longer, up to 5 s). That is so
// the first time, when Redis has lost the checkpoint, and when the source returns [ErrPositionLost]. A stream that ends
// before its first position leaves a gap, so what begins after it evicts everything again. To avoid that, let a stream
// that was opened without a position report one first, with an idle [Change].
//
// One change does not hold up the others. If the source fails six times at one position, but works without one, the
// position is given up and everything is evicted as above. If a target panics, or its keys are refused five times while
// Redis evicts others, everything that the target covers is evicted instead. Both are logged as an error and, except for
// a panic of a target, counted in [ChangesStats].Passed. While Redis is away or refuses everything, changes wait. An
// eviction that too few replicas have confirmed (store.ErrUnreplicated) is done; it is counted and logged once.
//
// Redis may lose evictions that it had confirmed (a failover to a replica that lags, a restart from older data). If the
// checkpoint is on the same server it is lost with them, so they are repeated within a third of the store's lease time.
// On Cluster it may be on another server; then they are not repeated.
//
// A change evicts as any other eviction does, once its event has arrived. Until then reads may return the value from
// before the change. So FromChanges does not replace [After] or [Around] in the application.
//
// FromChanges panics if an argument is nil or if the targets do not fit.
func FromChanges[E any](ctx context.Context, st *store.Store, name string, source Source[E], targets ...Target[E]) *Changes {
	set := changesTargets(st, name, source == nil, targets)
	c := &Changes{name: name, namespace: st.Namespace()}
	ctx, c.stop = context.WithCancel(ctx)
	st.Engine().Life.OnClose(c.Close)
	consumer := newConsumer(st, name, source, set, &c.counts)
	c.ended.Go(func() { consumer.run(ctx) })
	return c
}

// changesTargets panics if an argument of FromChanges does not fit.
func changesTargets[E any](st *store.Store, name string, noSource bool, targets []Target[E]) *targetSet[E, none] {
	if st == nil || noSource || name == "" {
		panic("evict: FromChanges: the store and the source must not be nil, the name not empty")
	}
	for i, t := range targets {
		if _, fits := t.(keyTarget[E]); t != nil && !fits {
			made, _ := t.target()
			panic(fmt.Sprintf("evict: FromChanges: target %d (%s) does not fit; use Key, Keys, Tags, All or Expire", i+1, made))
		}
	}
	set := newTargetSet[E, none]("FromChanges", false, targets)
	if set.st != st {
		panic("evict: FromChanges: the targets belong to another store")
	}
	return set
}

// Name returns the name that [FromChanges] was given.
func (c *Changes) Name() string { return c.name }

// Namespace returns the namespace of the store.
func (c *Changes) Namespace() string { return c.namespace }

// Close ends the consumer and waits until it has ended. The next consumer receives again the changes that this one
// received but did not evict. Closing the store does the same, but then the next consumer has to wait until the lease
// is over. Close may be called more than once.
func (c *Changes) Close() {
	c.stop()
	c.ended.Wait()
}

// Stats returns the counters. They are not read at the same instant.
func (c *Changes) Stats() ChangesStats { return c.counts.stats() }
