package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/jollyjet/aside/store"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/jollyjet/aside/examples/productserver/internal/backend"
	"github.com/jollyjet/aside/examples/productserver/internal/cached"
	"github.com/jollyjet/aside/examples/productserver/internal/changes"
	"github.com/jollyjet/aside/examples/productserver/internal/config"
	"github.com/jollyjet/aside/examples/productserver/internal/httpapi"
	"github.com/jollyjet/aside/examples/productserver/internal/repository"
	"github.com/jollyjet/aside/examples/productserver/internal/seed"
	"github.com/jollyjet/aside/examples/productserver/internal/usecase"
)

// grace is how long requests may take to finish when the program stops. Orchestrators kill after 30 seconds.
const grace = 15 * time.Second

// serve opens everything from the bottom up, serves until ctx ends, and closes from the top down.
func serve(ctx context.Context, cfg config.Config, log *slog.Logger) (err error) {
	mongo, err := backend.OpenMongo(ctx, cfg.MongoURI, log)
	if err != nil {
		return err
	}
	defer closing(&err, func() error { return mongo.Close(context.WithoutCancel(ctx)) })
	repo, err := openRepository(ctx, mongo, cfg, log)
	if err != nil {
		return err
	}
	redis, err := backend.OpenRedis(ctx, cfg.Redis, log)
	if err != nil {
		return err
	}
	defer closing(&err, redis.Close)
	st, err := store.Open(ctx, redis.Client, store.Namespace("shop"), store.Timeout(cfg.Timeout), store.Logger(log))
	if err != nil {
		return fmt.Errorf("open cache: %w", err)
	}
	defer closing(&err, st.Close)
	if mongo.Embedded {
		// It starts empty each time; a Redis that runs on would go on telling of the last one's products.
		cached.Forget(ctx, st)
	}

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	shop := cached.Decorate(st, usecase.New(repo, time.Now))
	if cfg.Changes {
		defer shop.Follow(ctx, changes.Of(products(mongo, cfg))).Close()
	}
	handler := httpapi.New(httpapi.Deps{
		UseCases: shop.UseCases,
		Trace:    cached.Trace,
		Mongo:    func(ctx context.Context) error { return mongo.Client.Ping(ctx, nil) },
		Redis:    func(ctx context.Context) error { return redis.Client.Ping(ctx).Err() },
		Log:      log,
		BaseURL:  baseURL(listener.Addr()),
	})
	return answerUntil(ctx, httpapi.Server(handler, log), listener, log)
}

func products(mongo *backend.Mongo, cfg config.Config) *driver.Collection {
	return mongo.Client.Database(cfg.MongoDB).Collection("products")
}

func openRepository(ctx context.Context, mongo *backend.Mongo, cfg config.Config, log *slog.Logger) (*repository.Products, error) {
	var opts []repository.Option
	if mongo.Embedded {
		opts = append(opts, repository.SerializeUpdates())
	}
	repo := repository.New(products(mongo, cfg), opts...)
	if err := repo.Prepare(ctx); err != nil {
		return nil, err
	}
	seeded, err := seed.Run(ctx, repo, cfg.Seed, time.Now())
	if err != nil {
		return nil, err
	}
	if seeded {
		log.Info("seeded the empty collection", "products", cfg.Seed)
	}
	return repo, nil
}

// answerUntil serves until ctx ends, then lets the requests at work finish.
func answerUntil(ctx context.Context, server *http.Server, listener net.Listener, log *slog.Logger) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	log.Info("listening", "url", baseURL(listener.Addr()))
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping: finishing the requests at work")
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		return errors.Join(fmt.Errorf("requests did not finish within %v: %w", grace, err), server.Close())
	}
	return nil
}

// closing joins the error of a deferred close to the one that is being returned.
func closing(err *error, shut func() error) { *err = errors.Join(*err, shut()) }

// baseURL is where a client on this machine finds the listener.
func baseURL(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d", tcp.Port)
	}
	return "http://" + addr.String()
}
