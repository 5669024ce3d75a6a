package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redisserver"
	"github.com/jollyjet/aside/store"
	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/examples/productserver/internal/cached"
	"github.com/jollyjet/aside/examples/productserver/internal/usecase"
)

// measure sends the workload to the shop without its cache, then with it.
func measure(ctx context.Context, s settings, out io.Writer) (r *report, err error) {
	rdb, stop, err := openRedis(ctx, s.redis)
	if err != nil {
		return nil, err
	}
	defer stop()
	products := catalogue(s.products)
	db, err := openDatabase(ctx, s, products)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.close(ctx)) }()
	nodes, err := openNodes(ctx, rdb, s.nodes)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, nodes.close(ctx)) }()

	plain := usecase.New(db, time.Now)
	pages := pagesOf(products)
	p := phase{products: products, pages: pages, requests: s.plan(len(pages))}
	if s.rate > 0 {
		p.pause = time.Duration(float64(time.Second) / s.rate)
	}
	r = &report{settings: s, redis: version(ctx, rdb), database: db.name(), pages: len(pages)}
	_, _ = fmt.Fprintf(out, "%d requests without the cache ...\n", s.requests)
	db.counted()
	if r.plain, err = one(ctx, p, []usecase.UseCases{plain}, s.callers, db); err != nil {
		return nil, err
	}
	_, _ = fmt.Fprintf(out, "the same with it ...\n")
	ended := probe(ctx, rdb)
	r.cached, err = one(ctx, p, nodes.decorate(plain), s.callers, db)
	if r.bare = ended(); err != nil {
		return nil, err
	}
	r.caches = nodes.stats()
	return r, nil
}

// one runs a phase, and counts what it cost.
func one(ctx context.Context, p phase, nodes []usecase.UseCases, callers int, db database) (m measured, err error) {
	p.nodes, p.judge = nodes, newJudge(p.products)
	if m.outcome, err = p.run(ctx, callers); err != nil {
		return m, err
	}
	m.queries, m.writes = db.counted()
	m.judged, m.stale = p.judge.judged.Load(), p.judge.stale.Load()
	return m, nil
}

// probe sends a bare GET every two milliseconds until the function that it returns is called: how long these take is what
// the machine and Redis allow in just these seconds. One that takes longer stands for those that would have been sent
// meanwhile too, and would have waited for the rest of that time; else a machine that stands still would seem fast.
func probe(ctx context.Context, rdb *redis.Client) (end func() durations) {
	const pause = 2 * time.Millisecond
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan durations)
	go func() {
		var took durations
		for ctx.Err() == nil {
			began := time.Now()
			if err := rdb.Get(context.WithoutCancel(ctx), "shopload-nothing").Err(); errors.Is(err, redis.Nil) {
				for d := time.Since(began); d > 0; d -= pause {
					took = append(took, d)
				}
			}
			time.Sleep(pause)
		}
		done <- took
	}()
	return func() durations { cancel(); return <-done }
}

// nodes are the servers of the shop, as far as the cache is concerned.
type nodes []*store.Store

func openNodes(ctx context.Context, rdb redis.UniversalClient, n int) (all nodes, err error) {
	namespace := store.Namespace(fmt.Sprintf("shopload-%x", time.Now().UnixNano()))
	for range n {
		st, err := store.Open(ctx, rdb, namespace, store.Logger(slog.New(slog.DiscardHandler)))
		if err != nil {
			return nil, errors.Join(err, all.close(ctx))
		}
		all = append(all, st)
	}
	return all, nil
}

func (n nodes) decorate(plain usecase.UseCases) (all []usecase.UseCases) {
	for _, st := range n {
		all = append(all, cached.Decorate(st, plain).UseCases)
	}
	return all
}

// stats adds up what the nodes have counted, by cache.
func (n nodes) stats() map[string]store.CacheStats {
	sum := make(map[string]store.CacheStats)
	for _, st := range n {
		for name, c := range st.Stats().Caches {
			s := sum[name]
			s.Hits += c.Hits + c.NearHits
			s.NegativeHits += c.NegativeHits
			s.StaleHits += c.StaleHits
			s.Misses += c.Misses
			s.Bypasses += c.Bypasses
			s.Loads += c.Loads
			sum[name] = s
		}
	}
	return sum
}

// close removes the entries, which would otherwise stay for as long as they live, and closes the stores.
func (n nodes) close(ctx context.Context) (err error) {
	if len(n) > 0 {
		_, err = evict.ByPattern(context.WithoutCancel(ctx), n[0], "*")
	}
	for _, st := range n {
		err = errors.Join(err, st.Close())
	}
	return err
}

// openRedis connects to a Redis, or starts one.
func openRedis(ctx context.Context, addr string) (rdb *redis.Client, stop func(), err error) {
	stop = func() {}
	if addr == "" {
		server, err := redisserver.Start(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("%w; install redis-server, or name a Redis with REDIS", err)
		}
		addr, stop = server.Addr, server.Stop
	}
	rdb = redis.NewClient(&redis.Options{Addr: addr})
	stopServer := stop
	stop = func() { _ = rdb.Close(); stopServer() }
	if err := rdb.Ping(ctx).Err(); err != nil {
		stop()
		return nil, nil, fmt.Errorf("ask Redis: %w", err)
	}
	return rdb, stop, nil
}

func version(ctx context.Context, rdb *redis.Client) string {
	info, err := rdb.Info(ctx, "server").Result()
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, "redis_version:"); ok && err == nil {
			return "Redis " + strings.TrimSpace(v)
		}
	}
	return "Redis"
}
