// Command shopload measures what the cache does for the shop: it sends the same requests to the use cases of the product
// server without the cache and with it, and prints what the library counted, what the database was asked, and how many
// reads were stale.
//
//	go -C examples run ./productserver/shopload
//
// It starts a redis-server of its own, unless REDIS (-redis) names one. The database is a stand-in in memory whose queries
// and writes take the time that they are told, unless -mongo names a MongoDB. The exit code is 1 if a read was stale or the
// shop did not get what it had asked for.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	redis.SetLogger(silence{})
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout))
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// settings are the flags.
type settings struct {
	workload
	nodes, callers      int
	rate                float64
	readTime, writeTime time.Duration
	redis, mongo        string
}

func parse(args []string, env func(string) string, out io.Writer) (s settings, err error) {
	flags := flag.NewFlagSet("shopload", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.IntVar(&s.requests, "requests", 30_000, "how many requests to send, once without the cache and once with it")
	flags.IntVar(&s.products, "products", 500, "how many products there are")
	flags.Float64Var(&s.writes, "writes", 0.05, "share of the requests that change a product")
	flags.Float64Var(&s.lists, "lists", 0, "share of the reads that ask for a page of the list")
	flags.Float64Var(&s.zipf, "zipf", 1, "exponent s: the product of rank r is asked for in proportion to 1/r^s")
	flags.Float64Var(&s.rate, "rate", 1000, "requests per second; 0 for as many as there can be")
	flags.IntVar(&s.callers, "callers", 32, "how many requests may be under way at once")
	flags.IntVar(&s.nodes, "nodes", 2, "how many servers the shop has; each has its own connection to the cache")
	flags.Uint64Var(&s.seed, "seed", 1, "seed of the random numbers: the same seed makes the same requests")
	flags.StringVar(&s.redis, "redis", env("REDIS"), "`address` of a Redis; without one (REDIS) a redis-server is started")
	flags.DurationVar(&s.readTime, "read-time", time.Millisecond, "how long a query to the stand-in takes")
	flags.DurationVar(&s.writeTime, "write-time", 3*time.Millisecond, "how long a write to the stand-in takes")
	flags.StringVar(&s.mongo, "mongo", "", "`URI` of a MongoDB, or embedded for a FerretDB, in place of the stand-in")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	return s, s.check(flags.Args())
}

func (s *settings) check(rest []string) error {
	within := func(name string, n, most int) error {
		if n < 1 || n > most {
			return fmt.Errorf("-%s=%d: use 1 to %d", name, n, most)
		}
		return nil
	}
	share := func(name string, f float64) error {
		if !(f >= 0 && f <= 1) {
			return fmt.Errorf("-%s=%v: use 0 to 1", name, f)
		}
		return nil
	}
	err := errors.Join(
		within("requests", s.requests, 5_000_000), within("products", s.products, 20_000),
		within("callers", s.callers, 512), within("nodes", s.nodes, 16),
		share("writes", s.writes), share("lists", s.lists))
	if !(s.zipf >= 0 && s.zipf <= 5) {
		err = errors.Join(err, fmt.Errorf("-zipf=%v: use 0 to 5", s.zipf))
	}
	if !(s.rate >= 0) || s.readTime < 0 || s.writeTime < 0 || max(s.readTime, s.writeTime) > time.Second {
		err = errors.Join(err, errors.New("-rate must not be negative, -read-time and -write-time be 0 to 1s"))
	}
	if len(rest) > 0 {
		err = errors.Join(err, fmt.Errorf("unexpected argument %q", rest[0]))
	}
	return err
}

// run is the whole program. It returns the exit code.
func run(ctx context.Context, args []string, env func(string) string, out io.Writer) int {
	s, err := parse(args, env, out)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		_, _ = fmt.Fprintf(out, "shopload: %v\n", err)
		return 2
	}
	r, err := measure(ctx, s, out)
	if err != nil {
		_, _ = fmt.Fprintf(out, "shopload: %v\n", err)
		return 1
	}
	if !r.print(out) {
		return 1
	}
	return 0
}
