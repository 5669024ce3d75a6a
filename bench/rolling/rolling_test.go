package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/bench/rolling/node"
)

var (
	from   = flag.String("from", "", "the older version, a commit; this tree once more if it is empty")
	rounds = flag.Int("rounds", 2, "rounds of each race")
)

// workerEnv makes the test binary a worker. So the tests need no history, see changes of aside in spite of the test cache,
// and run the workers under the race detector.
const workerEnv = "ASIDE_ROLLING_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(workerEnv) == "" {
		redistest.Main(m)
	}
	if err := node.Run(os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func newLab(t *testing.T, addrs ...string) *lab {
	t.Helper()
	binary, err := os.Executable()
	require.NoError(t, err)
	newer := version{name: "new", binary: binary, env: []string{workerEnv + "=1"}}
	older := newer
	older.name = "old"
	return &lab{redis: addrs, older: older, newer: newer, workers: 2, rounds: *rounds}
}

// Two versions share entries, leases, holds, evictions, sessions and limits: on one node, and on a Cluster.
func TestRolling(t *testing.T) {
	servers := map[string]func(t *testing.T) []string{
		"single":  func(t *testing.T) []string { return []string{redistest.Start(t).Addr()} },
		"cluster": func(t *testing.T) []string { return redistest.StartCluster(t).Addrs() },
	}
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, start(t)...)
			if *from != "" {
				var remove func()
				var err error
				l.older, l.newer, remove, err = build(t.Context(), t.TempDir(), *from)
				defer remove()
				require.NoError(t, err)
			}
			require.NoError(t, l.prove(t.Context(), t.Output()))
		})
	}
}

// A version that does not evict is noticed.
func TestStaleReadsAreNoticed(t *testing.T) {
	l := newLab(t, redistest.Start(t).Addr())
	o, err := l.race(t.Context(), race{way: "none"})
	require.NoError(t, err)
	require.False(t, o.OK())
	require.Positive(t, o.StaleReads)
	require.Positive(t, o.StaleKeys)
	require.Positive(t, o.Nonlinear)
	require.Zero(t, o.Errors)
	require.Positive(t, o.oldFromNew)
	require.Positive(t, o.newFromOld)
}

// Versions that can't read each other's entries are noticed, though nothing is stale.
func TestChangedBytesAreNoticed(t *testing.T) {
	l := newLab(t, redistest.Start(t).Addr())
	l.newer.schema = "another"
	o, err := l.race(t.Context(), race{way: "after"})
	require.NoError(t, err)
	require.False(t, o.OK())
	require.Positive(t, o.unreadable)
	require.Zero(t, o.oldFromNew+o.newFromOld+o.StaleReads)
	for _, c := range checks()[:2] {
		_, err := l.check(t.Context(), c, l.older, l.newer)
		require.Error(t, err, c.name)
	}
}

// A worker that crashes is an error and not a silence.
func TestACrashIsNoticed(t *testing.T) {
	l := newLab(t, redistest.Start(t).Addr())
	crash := check{run: func(_ context.Context, _ *truth, a, _ *worker) (string, error) {
		return "", a.cmd.Process.Kill()
	}}
	_, err := l.check(t.Context(), crash, l.older, l.newer)
	require.ErrorContains(t, err, "old-0: signal: killed")
}

func TestBadArguments(t *testing.T) {
	for _, args := range [][]string{{"-rounds", "0"}, {"-workers", "-1"}, {"-no"}, {"-redis", "127.0.0.1:1", "-from", "no such commit"}} {
		require.Error(t, run(t.Context(), args, t.Output()), "%v", args)
	}
}
