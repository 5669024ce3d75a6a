// Command compare gives aside and its peers the same work in the same run and prints one table: hits, near hits, misses,
// stampedes, batches, and what readers see while somebody writes. They share one redis-server, which the command starts,
// and take turns of a few milliseconds, so that whatever else the machine does strikes all alike.
//
//	go -C bench run ./compare                         # about two minutes
//	go -C bench run ./compare -only hit,near -markdown
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/jollyjet/aside/internal/redisserver"
	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/bench/peers"
)

type options struct {
	rounds   int
	only     []peers.Row
	markdown bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	o := options{only: peers.Rows}
	only := ""
	f := flag.NewFlagSet("compare", flag.ContinueOnError)
	f.IntVar(&o.rounds, "rounds", 120, "rounds of the race; everything else is scaled with it")
	f.StringVar(&only, "only", "", fmt.Sprint("what to compare, with commas: of ", peers.Rows))
	f.BoolVar(&o.markdown, "markdown", false, "print the table as Markdown")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.rounds < 1 {
		return o, fmt.Errorf("-rounds %d: use 1 or more", o.rounds)
	}
	if only != "" {
		o.only = nil
		for name := range strings.SplitSeq(only, ",") {
			if !slices.Contains(peers.Rows, peers.Row(name)) {
				return o, fmt.Errorf("-only %q: use some of %v", only, peers.Rows)
			}
			o.only = append(o.only, peers.Row(name))
		}
	}
	return o, nil
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	server, err := redisserver.Start(ctx)
	if err != nil {
		return err
	}
	defer server.Stop()
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr})
	defer func() { _ = rdb.Close() }()
	l := &lab{addr: server.Addr, rdb: rdb, rounds: o.rounds}
	t := newTable(peers.All())
	for _, row := range rows {
		if !slices.Contains(o.only, row.id) {
			continue
		}
		fmt.Fprintln(progress, "comparing:", row.id)
		found, err := row.run(ctx, l)
		if err != nil {
			return fmt.Errorf("%s: %w", row.id, err)
		}
		t.add(row, found)
	}
	about, err := versions(ctx, rdb)
	if err != nil {
		return err
	}
	if o.markdown {
		return t.markdown(out, about)
	}
	return t.text(out, about)
}
