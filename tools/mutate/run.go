package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

type verdict string

const (
	killed      verdict = "killed"
	survived    verdict = "survived"
	timedOut    verdict = "timed out"
	notCompiled verdict = "not compiled"
	equivalent  verdict = "equivalent"
)

type result struct {
	mutant
	verdict verdict
	by      string // the package and test that failed, or why it is equivalent
	diff    string
	took    time.Duration
}

// A runner runs tests against mutants, one at a time.
type runner struct {
	root  string
	all   []*goPackage
	limit time.Duration // of the tests of one package
	flags []string      // for go test
	most  int           // packages to run for one mutant
	tmp   string

	costs map[string]time.Duration // of a package's tests without a mutant
}

// run runs the tests of m's package and of those above it until one fails.
func (r *runner) run(ctx context.Context, m mutant) (result, error) {
	start := time.Now()
	path := filepath.Join(r.root, filepath.FromSlash(m.file))
	src, err := os.ReadFile(path)
	if err != nil {
		return result{}, err
	}
	overlay, err := r.overlay(path, m.apply(src))
	if err != nil {
		return result{}, err
	}
	res := result{mutant: m, verdict: survived, diff: m.diff(src)}
	for n, p := range r.order(m.pkg) {
		if n == r.most {
			break
		}
		cost, err := r.cost(ctx, p.ImportPath)
		if err != nil {
			return result{}, err
		}
		out, passed := r.test(ctx, p.ImportPath, min(r.limit, 30*time.Second+5*cost), "-overlay", overlay)
		if ctx.Err() != nil {
			return result{}, ctx.Err()
		}
		if !passed {
			res.verdict, res.by = judge(out), p.ImportPath+" "+failed(out)
			break
		}
	}
	res.took = time.Since(start)
	return res, nil
}

// order returns the packages to test for a mutant of pkg: its own first, then
// the others by the time that their tests take, unknown ones last.
func (r *runner) order(pkg string) []*goPackage {
	users := above(pkg, r.all)
	if len(users) == 0 {
		return nil
	}
	rest := users
	if users[0].ImportPath == pkg {
		rest = users[1:]
	}
	price := func(p *goPackage) time.Duration {
		if c, ok := r.costs[p.ImportPath]; ok {
			return c
		}
		return math.MaxInt64
	}
	slices.SortStableFunc(rest, func(a, b *goPackage) int { return int((price(a) - price(b)) / time.Millisecond) })
	return users
}

// cost returns the time that the tests of pkg take without a mutant. They have
// to pass.
func (r *runner) cost(ctx context.Context, pkg string) (time.Duration, error) {
	if c, ok := r.costs[pkg]; ok {
		return c, nil
	}
	for try := 0; ; try++ {
		start := time.Now()
		out, passed := r.test(ctx, pkg, r.limit)
		if passed {
			r.costs[pkg] = time.Since(start)
			return r.costs[pkg], nil
		}
		if ctx.Err() != nil || try == 1 {
			return 0, fmt.Errorf("the tests of %s fail without a mutant:\n%s", pkg, out)
		}
	}
}

// overlay writes the files that make go test see text in place of path.
func (r *runner) overlay(path string, text []byte) (string, error) {
	mutated := filepath.Join(r.tmp, "mutated"+filepath.Ext(path))
	if err := os.WriteFile(mutated, text, 0o600); err != nil {
		return "", err
	}
	spec, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutated}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(r.tmp, "overlay.json")
	return name, os.WriteFile(name, spec, 0o600)
}

// test runs the tests of pkg. They may take limit; building them is not
// counted by go test, and bounded by a minute more.
func (r *runner) test(ctx context.Context, pkg string, limit time.Duration, flags ...string) (out string, passed bool) {
	ctx, cancel := context.WithTimeout(ctx, limit+5*time.Minute)
	defer cancel()
	args := slices.Concat([]string{"test", "-count=1", "-short", "-failfast", "-vet=off", "-timeout", limit.String()}, flags, r.flags, []string{pkg})
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = r.root
	// The test binary and the servers that it started end with go test.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var buf bytes.Buffer
	cmd.Stdout, cmd.Stderr = &buf, &buf
	err := cmd.Run()
	if ctx.Err() != nil {
		return buf.String() + "\n" + outOfTime, false
	}
	return buf.String(), err == nil
}

const outOfTime = "panic: test timed out after"

var (
	unbuilt = regexp.MustCompile(`(?m)^FAIL\s.*\[(build|setup) failed\]`)
	failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	crash   = regexp.MustCompile(`(?m)^(panic: .*|fatal error: .*)`)
)

// judge tells why go test failed.
func judge(out string) verdict {
	switch {
	case unbuilt.MatchString(out):
		return notCompiled
	case strings.Contains(out, outOfTime):
		return timedOut
	}
	return killed
}

// failed names the test that failed last and deepest, or the panic.
func failed(out string) string {
	if all := failure.FindAllStringSubmatch(out, -1); len(all) > 0 {
		return all[len(all)-1][1]
	}
	return crash.FindString(out)
}
