package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// Store is a namespace in Redis, opened by one process. It is safe for concurrent use.
type Store struct {
	cfg        config
	rdb        *redisx.Client
	life       *lifecycle
	feed       *feed
	breakers   *breakers
	clock      clock
	lineage    *lineage
	evictions  queue
	stats      storeStats
	everything *generation
	stripes    *stripes

	mu          sync.RWMutex
	generations map[string]*generation // by key: that of the namespace, and those of the caches
	counters    map[string]*counters   // by cache

	tagPrefix string
	groups    [tagGroups]*generation
	tags      knownTags
}

// Open opens a namespace. The options of rdb say where Redis is; the store makes a client of its own from them, with
// its own timeouts (see [Timeout]) and without retries. rdb is a *redis.Client (one node, or Sentinel) or a
// *redis.ClusterClient, and must stay open while the store is.
//
// Redis being down is not an error: reads go to the loader until it is back. Open returns an error that wraps
// [ErrClient] if the client can't be used, or [ErrJournal] if the file given to [Journal] can't. It panics if rdb or an option is nil.
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
	s := &Store{
		cfg:         cfg,
		life:        newLifecycle(),
		stripes:     newStripes(),
		generations: make(map[string]*generation),
		counters:    make(map[string]*counters),
	}
	s.evictions.init(s)
	s.lineage = newLineage(s)
	s.everything = s.generationOf(everythingKey(cfg.namespace))
	s.tagPrefix = cfg.namespace + ":{#" + tagKind + ":"
	for i := range s.groups {
		s.groups[i] = s.generationOf(groupKey(cfg.namespace, i))
	}
	s.breakers = newBreakers(s)
	if err := s.connect(rdb); err != nil {
		return nil, err
	}
	s.feed = newFeed(s)
	s.evictions.resume()
	s.start(&s.life.watch, "feed", s.feed.run)
	s.feed.ready(ctx, min(cfg.timeout, 500*time.Millisecond))
	return s, nil
}

// connect opens the journal, and makes the store's own client.
func (s *Store) connect(rdb redis.UniversalClient) error {
	if err := s.evictions.openJournal(); err != nil {
		return err
	}
	own, err := redisx.Own(rdb, redisx.Limits{
		Timeout: s.cfg.timeout, ReplicaReads: s.cfg.replicas, Hooks: s.cfg.hooks, ShareFrom: s.cfg.shareFrom,
		Probes: true, Watcher: s.lineage, Breaker: s.breakers.of, Log: s.cfg.log, Keys: s.cfg.namespace + ":*", Recovered: s.Recovered,
	})
	if err == nil {
		s.rdb = own
		return nil
	}
	s.evictions.closeJournal()
	if errors.Is(err, redisx.ErrReplicas) {
		return fmt.Errorf("store: %w, or pass store.AllowReplicaReads()", err)
	}
	return fmt.Errorf("store: %w", err)
}

// Namespace returns the name of the namespace.
func (s *Store) Namespace() string { return s.cfg.namespace }

// generationOf returns what is known of the generation of a namespace or cache; there is one for each key.
func (s *Store) generationOf(key Key) *generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.generations[key.addr]
	if g == nil {
		g = &generation{key: key}
		s.generations[key.addr] = g
	}
	return g
}

// changed is called with each key that may have changed.
func (s *Store) changed(addr string) {
	s.stripes.changed(addr)
	s.mu.RLock()
	g := s.generations[addr]
	s.mu.RUnlock()
	if g == nil && s.isTag(addr) {
		g = s.tags.get(addr)
	}
	if g != nil {
		g.forget()
	}
}
