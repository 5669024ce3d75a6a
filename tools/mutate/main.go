// Mutate changes one condition, statement or constant of a package at a time,
// in its Go files or in the Lua files that it embeds, and runs the tests of the
// package and of those above it. A mutant that no test notices has survived:
// the changed line promises something that no test asks for, or is dead.
//
//	mutate [flags] PACKAGE...
//
// It exits with 1 if tests killed less than -min percent, with 2 if something
// else went wrong. A mutant that does not compile is not counted, nor is one
// that the file of -equivalent names.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"
)

type options struct {
	root, markdown, equivalent, only string
	n, most                          int
	seed                             uint64
	limit                            time.Duration
	least                            float64
	list                             bool
	test                             string
	patterns                         []string
}

func main() {
	var o options
	flag.StringVar(&o.root, "C", ".", "the module's `directory`")
	flag.IntVar(&o.n, "n", 0, "run a sample of `N` mutants, spread over the packages; 0 runs all")
	flag.Uint64Var(&o.seed, "seed", 1, "chooses the sample")
	flag.IntVar(&o.most, "above", 1000, "run the tests of at most `N` packages for a mutant, its own first")
	flag.DurationVar(&o.limit, "limit", 5*time.Minute, "of the tests of one package; less for packages that take less without a mutant")
	flag.Float64Var(&o.least, "min", 100, "the `percent` that tests have to kill")
	flag.StringVar(&o.only, "only", "", "run the mutants whose line `file:line what` matches this regexp")
	flag.StringVar(&o.test, "test", "", "more `flags` for go test, separated by spaces")
	flag.StringVar(&o.markdown, "md", "", "write the results as Markdown to this `file`")
	flag.StringVar(&o.equivalent, "equivalent", "", "the `file` that names equivalent mutants")
	flag.BoolVar(&o.list, "list", false, "print the mutants, run nothing")
	flag.Parse()
	o.patterns = flag.Args()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	total, err := mutate(ctx, o, os.Stdout)
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(2)
	case total.percent() < o.least:
		os.Exit(1)
	}
}

// mutate runs the mutants that o asks for, and prints each as it is done.
func mutate(ctx context.Context, o options, w io.Writer) (tally, error) {
	pkgs, err := goList(o.root, o.patterns...)
	if err != nil {
		return nil, err
	}
	if len(pkgs) == 0 {
		return nil, errors.New("name the packages to mutate, such as ./ratelimit")
	}
	root, module := pkgs[0].Module.Dir, pkgs[0].Module.Path
	all, err := goList(root, "./...")
	if err != nil {
		return nil, err
	}
	chosen, err := choose(o, root, pkgs)
	if err != nil {
		return nil, err
	}
	known := equivalents{}
	if o.equivalent != "" {
		if known, err = readEquivalents(o.equivalent); err != nil {
			return nil, err
		}
	}
	tmp, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	r := &runner{root: root, all: all, limit: o.limit, flags: strings.Fields(o.test), most: o.most, tmp: tmp, costs: map[string]time.Duration{}}

	var results []result
	for i, m := range chosen {
		reason, diff, err := known.reason(root, m)
		if err != nil {
			return nil, err
		}
		res := result{mutant: m, verdict: equivalent, by: reason, diff: diff}
		switch {
		case o.list:
			fmt.Fprintf(w, "%s\n%s", m, diff)
			continue
		case reason == "":
			res, err = r.run(ctx, m)
		}
		if err != nil { // interrupted, perhaps: what is known is reported
			return nil, errors.Join(err, markdown(w, module, results))
		}
		results = append(results, res)
		fmt.Fprintf(w, "%d/%d %-12s %s (%.1f s) %s\n", i+1, len(chosen), res.verdict, m, res.took.Seconds(), res.by)
		if res.verdict == survived || res.verdict == timedOut {
			fmt.Fprint(w, res.diff)
		}
	}
	if o.list {
		return tally{}, nil
	}
	_, _, total := tallies(results)
	fmt.Fprintln(w)
	if err := markdown(w, module, results); err != nil {
		return nil, err
	}
	if o.markdown != "" {
		return total, writeMarkdown(o.markdown, module, results)
	}
	return total, nil
}

// choose lists the mutants of pkgs, or a sample of them.
func choose(o options, root string, pkgs []*goPackage) ([]mutant, error) {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return nil, err
	}
	byPkg, count := map[string][]mutant{}, 0
	for _, p := range pkgs {
		if p.forTests() {
			continue
		}
		found, err := mutants(root, p)
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			if only.MatchString(m.String()) {
				byPkg[p.ImportPath] = append(byPkg[p.ImportPath], m)
				count++
			}
		}
	}
	if o.n > 0 {
		count = o.n
	}
	return sample(byPkg, count, o.seed), nil
}

func writeMarkdown(path, module string, results []result) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(markdown(f, module, results), f.Close())
}
