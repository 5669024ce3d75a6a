// Command rolling proves that two versions of aside can share one Redis, as they do during a rolling deploy. It builds the
// same worker with an older commit and with this tree, runs several processes of both side by side, and lets readers and
// writers in all of them race. It exits with 1 if a read was stale, a key stayed stale, a history could not be that of
// a single register, or an entry, a lease, a session or a limit of one version was not respected by the other.
//
//	go -C bench run ./rolling -from HEAD~1
//	go -C bench run ./rolling -from v1.2.0 -redis 127.0.0.1:7000,127.0.0.1:7001,127.0.0.1:7002   # a Cluster
//
// The older commit needs a module bench and the names that the worker uses.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/jollyjet/aside/internal/redisserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "rolling:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	f := flag.NewFlagSet("rolling", flag.ContinueOnError)
	from := f.String("from", "HEAD~1", `the older version, a commit of this repository; "" for this tree once more`)
	redis := f.String("redis", "", "host:port, or several with commas for a Cluster; without it one is started")
	l := &lab{}
	f.IntVar(&l.rounds, "rounds", 50, "rounds of each race, each with keys of its own")
	f.IntVar(&l.workers, "workers", 2, "processes of each version in a race")
	if err := f.Parse(args); err != nil {
		return err
	}
	if l.rounds < 1 || l.workers < 1 {
		return errors.New("use numbers of 1 or more")
	}
	addrs, stop, err := serve(ctx, *redis)
	if err != nil {
		return err
	}
	defer stop()
	l.redis = addrs
	dir, err := os.MkdirTemp("", "aside-rolling-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var remove func()
	l.older, l.newer, remove, err = build(ctx, dir, *from)
	defer remove()
	if err != nil {
		return err
	}
	return l.prove(ctx, out)
}

func serve(ctx context.Context, addrs string) ([]string, func(), error) {
	if addrs != "" {
		return strings.Split(addrs, ","), func() {}, nil
	}
	server, err := redisserver.Start(ctx)
	if err != nil {
		return nil, nil, err
	}
	return []string{server.Addr}, server.Stop, nil
}

// prove makes all checks and races, prints how each went, and reports whether anything was wrong.
func (l *lab) prove(ctx context.Context, out io.Writer) error {
	return errors.Join(l.proveChecks(ctx, out), l.proveRaces(ctx, out))
}

func (l *lab) proveChecks(ctx context.Context, out io.Writer) error {
	var wrong []error
	for _, c := range checks() {
		for _, pair := range [][2]version{{l.older, l.newer}, {l.newer, l.older}} {
			a, b := pair[0], pair[1]
			seen, err := l.check(ctx, c, a, b)
			if err != nil {
				err = fmt.Errorf("%s, %s then %s: %w", c.name, a.name, b.name, err)
				wrong, seen = append(wrong, err), "WRONG: "+err.Error()
			}
			fmt.Fprintf(out, "%-45s %s, %s: %s\n", c.name, a.name, b.name, seen)
		}
	}
	return errors.Join(wrong...)
}

func (l *lab) proveRaces(ctx context.Context, out io.Writer) error {
	var wrong []error
	var sum outcome
	for _, r := range races() {
		o, err := l.race(ctx, r)
		if !o.OK() {
			err = errors.Join(err, fmt.Errorf("the race %s: %v", r, o))
		}
		wrong = append(wrong, err)
		sum = sum.plus(o)
		fmt.Fprintf(out, "%-37s %v\n", r, o)
	}
	fmt.Fprintf(out, "%-37s %v\n", "all races", sum)
	if sum.oldFromNew == 0 || sum.newFromOld == 0 {
		wrong = append(wrong, errors.New("the versions have not shared their entries"))
	}
	return errors.Join(wrong...)
}
