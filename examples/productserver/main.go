// Command productserver is an example of a service that reads MongoDB through package cacheable and writes to it
// through package evict. It runs with nothing installed: without MONGO_URI and REDIS_URL it brings servers of its own.
//
//	go -C examples run ./productserver
//
// The README of the examples folder shows what to ask it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/examples/productserver/internal/config"
)

// What the program exits with.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the next one kills: whoever asks twice does not want to wait.
	context.AfterFunc(ctx, stop)
	redis.SetLogger(silence{})
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout))
}

// silence takes what go-redis prints to stderr: a line for each dial that failed, thousands of them while Redis is
// away. That Redis is away is said once, by the store.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// run is the whole program: it serves until ctx ends and returns the exit code.
func run(ctx context.Context, args []string, env func(string) string, stdout io.Writer) int {
	cfg, err := config.Load(args, env, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		_, _ = fmt.Fprintf(stdout, "productserver: %v\n", err)
		return exitUsage
	}
	log := slog.New(slog.NewTextHandler(stdout, &slog.HandlerOptions{Level: cfg.LogLevel}))
	if err := serve(ctx, cfg, log); err != nil {
		log.Error("productserver failed", "err", err)
		return exitFailed
	}
	log.Info("stopped")
	return exitOK
}
