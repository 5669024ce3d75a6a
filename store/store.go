package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/breaker"
	"github.com/jollyjet/aside/internal/checkpoint"
	"github.com/jollyjet/aside/internal/dataset"
	"github.com/jollyjet/aside/internal/engine"
	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/eviction"
	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/outbox"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/scan"
	"github.com/jollyjet/aside/internal/tagversion"
	"github.com/jollyjet/aside/internal/tracking"
	"github.com/jollyjet/aside/internal/wire"
)

// Store is a namespace in Redis, opened by one process. It is safe for concurrent use.
type Store struct {
	cfg      config
	life     *lifecycle.Lifecycle
	given    redis.UniversalClient
	client   *redisx.Client
	wire     *wire.Wire
	breakers *breaker.Set
	outbox   *outbox.Outbox
	detector *dataset.Detector
	tracker  *tracking.Tracker
	versions *tagversion.Versions
	engine   engine.Engine
}

// Open opens a namespace. The options of rdb say where Redis is; the store makes a client of its own from them, with
// its own timeouts (see [Timeout]) and without retries. rdb is a *redis.Client (one node, or Sentinel) or a
// *redis.ClusterClient, and must stay open while the store is.
//
// Each service needs a [Namespace] of its own; without one Open logs a line at Info.
//
// Redis being down is not an error: reads go to the loader until it is back. Open returns an error that wraps
// [ErrClient] if the client can't be used, or [ErrJournal] if the path given to [Journal] is that of something else. A
// journal that can't be written now is no error either. It panics if rdb or an option is nil.
//
// ctx bounds how long Open waits for a first answer from Redis, which is half a second at most; it does not limit
// the life of the store. Close the store when it is no longer needed.
func Open(ctx context.Context, rdb redis.UniversalClient, options ...Option) (*Store, error) {
	if redisx.IsNil(rdb) {
		panic("store: Open: the client is nil; use redis.NewUniversalClient")
	}
	cfg := defaults()
	for i, option := range options {
		if option == nil {
			panic(fmt.Sprintf("store: Open: option %d is nil", i+1))
		}
		option(&cfg)
	}
	s := &Store{cfg: cfg, life: lifecycle.New(cfg.conn.Log)}
	if err := s.connect(rdb); err != nil {
		return nil, err
	}
	s.build()
	if !cfg.named {
		cfg.conn.Log.Info("aside: the store is opened without store.Namespace; every program on this Redis that gives none shares its "+
			"entries and evictions; give each service a namespace of its own", "namespace", cfg.conn.Namespace)
	}
	s.outbox.Resume()
	s.life.Background("discovery", s.watchMasters)
	s.tracker.Ready(ctx, min(cfg.conn.Timeout, 500*time.Millisecond))
	return s, nil
}

// connect opens the journal, and makes the store's own client. Whatever that client reports goes to rooms that need no
// connection.
func (s *Store) connect(rdb redis.UniversalClient) error {
	keys, log := keyspace.New(s.cfg.conn.Namespace), s.cfg.conn.Log
	s.engine = engine.Engine{Keys: keys, Log: log, Life: s.life}
	s.outbox = outbox.New(outbox.Config{
		Namespace: keys.Namespace(), Everything: keys.Everything().Addr(), Journal: s.cfg.journal, Log: log, Life: s.life,
		Limit: s.cfg.queue, Age: s.cfg.queueAge, Remember: s.cfg.remember, Distrust: s.cfg.distrust, RetryMost: s.cfg.replayEvery,
		Deliver:  s.deliver(func(ctx context.Context, calls ...*wire.Call) error { return s.wire.Deliver(ctx, calls...) }),
		Flush:    s.deliver(func(ctx context.Context, calls ...*wire.Call) error { return s.wire.Run(ctx, calls...) }),
		Together: s.together(func(ctx context.Context, calls ...*wire.Call) error { return s.wire.Deliver(ctx, calls...) }),
		Last:     s.together(func(ctx context.Context, calls ...*wire.Call) error { return s.wire.Run(ctx, calls...) }),
		Changed:  func(addr string) { s.versions.Changed(addr) },
	})
	s.detector = dataset.New(dataset.Config{Log: log, Any: s.outbox.Any, Recall: s.outbox.Recall, Woke: s.outbox.Wake})
	s.breakers = breaker.New(breaker.Config{
		Failures: s.cfg.breakAfter, ProbeEvery: s.cfg.probeEvery, Go: s.life.Background, Recovered: s.life.Recovered,
		OnOpen: func(addr string, cause error) {
			log.Warn("aside: Redis does not answer, reads go to the source until it does", "node", addr, "cause", cause)
		},
		OnClose: func(addr string, left bool) {
			if !left {
				log.Warn("aside: Redis answers again", "node", addr)
			}
		},
		Closed: func(string) { s.outbox.Wake() },
	})
	if err := s.outbox.Open(); err != nil {
		return err
	}
	limits := s.cfg.conn.Limits()
	limits.ReplicaReads, limits.Probes, limits.Watcher = s.cfg.replicas, true, s.detector
	limits.Breaker, limits.Recovered = s.breakers.For, s.life.Recovered
	own, err := redisx.Own(rdb, limits)
	if err == nil {
		s.client, s.given = own, rdb
		return nil
	}
	s.outbox.Close()
	if errors.Is(err, redisx.ErrReplicas) {
		return fmt.Errorf("store: %w, or pass store.AllowReplicaReads()", err)
	}
	return fmt.Errorf("store: %w", err)
}

// deliver returns a func that carries out evictions that do not rest on each other.
func (s *Store) deliver(send wire.Send) wire.Send {
	return func(ctx context.Context, calls ...*wire.Call) error {
		return s.versions.BucketsFirst(ctx, send, calls...)
	}
}

// together returns a func that carries out evictions that may rest on each other.
func (s *Store) together(send wire.Send) outbox.Together {
	return func(ctx context.Context, calls ...*wire.Call) (bool, error) {
		return s.versions.Together(ctx, send, s.cfg.hold, calls...)
	}
}

// build makes the rooms that need a connection.
func (s *Store) build() {
	cfg, keys, log := &s.cfg, s.engine.Keys, s.cfg.conn.Log
	tracer := cfg.tracing(s.life.Recovered)
	s.wire = wire.New(s.client, wire.Config{Replicas: cfg.acks, Within: cfg.ackWithin})
	s.tracker = tracking.New(tracking.Config{
		Keys: keys, Wire: s.wire, Log: log, Timeout: cfg.conn.Timeout, PingEvery: cfg.pingEvery, RetryMost: cfg.feedRetry,
		Untracked: cfg.trust,
		Start:     func(f func(context.Context)) bool { return s.life.Background("feed", f) },
		Changed:   func(addr string) { s.versions.Changed(addr) },
	})
	s.versions = tagversion.New(tagversion.Config{
		Keys: keys, Wire: s.wire, Tracker: s.tracker, Strict: cfg.strict, Trust: cfg.trust,
	})
	s.engine.Evictor = eviction.New(eviction.Config{
		Keys: keys, Wire: s.wire, Versions: s.versions, Outbox: s.outbox, Life: s.life, Log: log, Tracer: tracer, HoldTime: cfg.hold,
		Again: s.again, Timeout: cfg.conn.Timeout,
	})
	s.engine.Entries = entry.New(entry.Config{
		Keys: keys, Wire: s.wire, Tracker: s.tracker, Versions: s.versions, Outbox: s.outbox, Evictor: s.engine.Evictor,
		Life: s.life, Tracer: tracer,
		Log: log, LeaseTime: cfg.lease, Trust: cfg.trust, KeepVersions: cfg.keepVersions,
	})
	s.engine.Scanner = scan.New(keys.Namespace(), s.wire)
	s.engine.Checkpoints = checkpoint.New(checkpoint.Config{Keys: keys, Wire: s.wire, Life: s.life, LeaseTime: cfg.lease})
}

// again connects once more, for evictions that come when the store was closed. The func that it returns closes that.
func (s *Store) again() (*wire.Wire, *tagversion.Versions, func(), error) {
	limits := s.cfg.conn.Limits()
	limits.ReplicaReads, limits.Recovered = s.cfg.replicas, s.life.Recovered
	client, err := redisx.Own(s.given, limits)
	if err != nil {
		return nil, nil, nil, err
	}
	w := wire.New(client, wire.Config{Replicas: s.cfg.acks, Within: s.cfg.ackWithin})
	versions := tagversion.New(tagversion.Config{Keys: s.engine.Keys, Wire: w, Tracker: s.tracker, Strict: true})
	return w, versions, func() { _ = client.Close() }, nil // nothing is sent any more
}

// Namespace returns the name of the namespace.
func (s *Store) Namespace() string { return s.cfg.conn.Namespace }

// Engine returns what the other packages of this module are built on. Its type is internal.
func (s *Store) Engine() *engine.Engine { return &s.engine }
