package backend

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Redis is a client, and the embedded server behind it if there is one.
type Redis struct {
	Client redis.UniversalClient
	stop   func()
}

// OpenRedis makes a client for the options, or for an embedded miniredis when they are nil. It does not connect: a
// shop whose Redis is down opens all the same.
func OpenRedis(ctx context.Context, opts *redis.UniversalOptions, log *slog.Logger) (*Redis, error) {
	if opts != nil {
		log.Info("using Redis", "kind", kind(opts), "addrs", strings.Join(opts.Addrs, ","))
		return &Redis{Client: redis.NewUniversalClient(opts), stop: func() {}}, nil
	}
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start embedded miniredis: %w", err)
	}
	log.Info("REDIS_URL is not set: using an embedded miniredis, gone when the program ends", "addr", server.Addr())
	stopClock := passTime(context.WithoutCancel(ctx), server)
	return &Redis{
		Client: redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{server.Addr()}}),
		stop:   func() { stopClock(); server.Close() },
	}, nil
}

// Close lets go of the connections and stops the embedded server.
func (r *Redis) Close() error {
	err := r.Client.Close()
	r.stop()
	if err != nil {
		return fmt.Errorf("close redis client: %w", err)
	}
	return nil
}

// passTime lets keys expire: miniredis is made for tests and its time to live stands still unless it is told.
func passTime(ctx context.Context, server *miniredis.Miniredis) (stop func()) {
	const step = 100 * time.Millisecond
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(step)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				server.FastForward(step)
			}
		}
	})
	return func() { cancel(); wg.Wait() }
}

func kind(opts *redis.UniversalOptions) string {
	switch {
	case opts.MasterName != "":
		return "sentinel"
	case opts.IsClusterMode:
		return "cluster"
	default:
		return "single server"
	}
}
