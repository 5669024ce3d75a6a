// Command race races readers against writers on several nodes and prints what the readers saw. It exits with 1 if a
// read that began after an eviction had returned saw an older value, if a key stayed stale, or if the history of a key
// could not be that of a single register.
//
//	go -C bench run ./race -rounds 500 -mode around -nodes 3
//	go -C bench run ./race -redis 127.0.0.1:7000,127.0.0.1:7001,127.0.0.1:7002   # a Cluster
//
// Without -redis it starts a redis-server of its own, or uses miniredis where there is none.
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
	"slices"
	"strings"
	"time"

	"github.com/jollyjet/aside/store"
	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/bench/racelab"
)

type options struct {
	redis                                         string
	mode                                          string
	nodes, writers, rounds, keys, writes, readers int
	slowness                                      time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "race:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("race", flag.ContinueOnError)
	f.StringVar(&o.redis, "redis", "", "host:port, or several with commas for a Cluster")
	f.StringVar(&o.mode, "mode", "all", fmt.Sprint("how writers evict: all or one of ", racelab.Modes))
	f.IntVar(&o.nodes, "nodes", 2, "stores on the one Redis")
	f.IntVar(&o.writers, "writers", 1, "how many of the nodes write and evict")
	f.IntVar(&o.rounds, "rounds", 500, "rounds, each with keys of its own")
	f.IntVar(&o.keys, "keys", 8, "keys per round")
	f.IntVar(&o.writes, "writes", 5, "writes per key")
	f.IntVar(&o.readers, "readers", 16, "readers, spread over the nodes")
	f.DurationVar(&o.slowness, "slowness", 3*time.Millisecond, "how long the loader takes after it has read, at most")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.mode != "all" && !slices.Contains(racelab.Modes, racelab.Mode(o.mode)) {
		return o, fmt.Errorf("-mode %q: use all or one of %v", o.mode, racelab.Modes)
	}
	if o.nodes < 1 || o.writers < 1 || o.writers > o.nodes || o.rounds < 1 || o.keys < 1 || o.writes < 1 || o.readers < 1 || o.slowness < 0 {
		return o, errors.New("use numbers of 1 or more, and no more -writers than -nodes")
	}
	return o, nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	rdb, what, stop, err := connect(ctx, o.redis)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Fprintf(out, "on %s: %d nodes, %d of them writing, %d readers, %d rounds of %d keys x %d writes\n", what, o.nodes, o.writers, o.readers, o.rounds, o.keys, o.writes)
	modes := racelab.Modes
	if o.mode != "all" {
		modes = []racelab.Mode{racelab.Mode(o.mode)}
	}
	wrong := false
	for _, mode := range modes {
		v, err := race(ctx, rdb, mode, o)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%-10s %v\n", mode, v)
		wrong = wrong || !v.OK()
	}
	if wrong {
		return errors.New("something wrong was seen")
	}
	return nil
}

func race(ctx context.Context, rdb redis.UniversalClient, mode racelab.Mode, o options) (racelab.Verdict, error) {
	namespace := fmt.Sprintf("race-%s-%d", mode, time.Now().UnixNano())
	var stores []*store.Store
	defer func() {
		for _, st := range stores {
			_ = st.Close()
		}
	}()
	for range o.nodes {
		st, err := store.Open(ctx, rdb, append(mode.Options(),
			store.Namespace(namespace), store.Timeout(5*time.Second), store.Logger(slog.New(slog.DiscardHandler)))...)
		if err != nil {
			return racelab.Verdict{}, err
		}
		stores = append(stores, st)
	}
	return racelab.Run(ctx, racelab.Config{
		Nodes: racelab.Aside(mode, stores), Writers: o.writers, Rounds: o.rounds, Keys: o.keys, Writes: o.writes,
		Readers: o.readers, Slowness: o.slowness, Check: true,
	}), nil
}

// connect returns a client, a name for what it is connected to, and how to take both down.
func connect(ctx context.Context, addrs string) (rdb redis.UniversalClient, what string, stop func(), err error) {
	if addrs == "" {
		var end func()
		if addrs, what, end, err = startServer(ctx); err != nil {
			return nil, "", nil, err
		}
		defer func() {
			if err != nil {
				end()
			}
		}()
		stop = end
	} else {
		what, stop = addrs, func() {}
	}
	rdb = redis.NewUniversalClient(&redis.UniversalOptions{Addrs: strings.Split(addrs, ",")})
	if err = rdb.Ping(ctx).Err(); err != nil {
		_ = rdb.Close()
		return nil, "", nil, err
	}
	end := stop
	return rdb, what, func() { _ = rdb.Close(); end() }, nil
}
