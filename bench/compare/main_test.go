package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jollyjet/aside/internal/redisserver"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/bench/peers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A run with tiny numbers has a figure, or a reason for having none, in every column of every line, and aside is never
// stale.
func TestTheTableIsWhole(t *testing.T) {
	var out bytes.Buffer
	err := run(t.Context(), []string{"-rounds", "2"}, &out, io.Discard)
	if errors.Is(err, redisserver.ErrMissing) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Log("\n" + out.String())
	head, lines := cells(out.String())
	columns := 0
	for _, r := range rows {
		columns += len(r.columns)
	}
	require.Len(t, head, columns+1)
	require.Len(t, lines, len(peers.All()))
	for _, p := range peers.All() {
		line := lines[p.Name]
		require.Len(t, line, len(head), p.Name)
		at := 1
		for _, r := range rows {
			for i := range r.columns {
				cell := line[at+i]
				if p.Not[r.id] == "" {
					require.Regexp(t, `^\d+(\.\d+)?(e-\d+)?( %| ms| of \d+)?( \(\d+\))?$`, cell, "%s: %s", p.Name, head[at+i])
				} else {
					require.Regexp(t, `^-( \(\d+\))?$`, cell, "%s: %s", p.Name, head[at+i])
				}
			}
			if p.Not[r.id] != "" {
				require.Contains(t, out.String(), "\n"+note(line[at])+" "+p.Not[r.id]+"\n")
			}
			at += len(r.columns)
		}
		staleReads, staleKeys := line[len(line)-2], line[len(line)-1]
		if p.Name == peers.Aside {
			require.Equal(t, "0", staleReads)
		}
		if p.Module == "github.com/jollyjet/aside" {
			require.Regexp(t, `^0 of `+strconv.Itoa(2*raceKeys)+`$`, staleKeys)
			require.Equal(t, "1", line[6], "loads of a stampede")
		}
	}
	require.Regexp(t, `Versions: redis/go-redis/v9 v9\.\d`, out.String())
}

// cells takes the table apart.
func cells(text string) (head []string, lines map[string][]string) {
	table, _, _ := strings.Cut(text, "\n\n")
	lines = map[string][]string{}
	for line := range strings.Lines(table) {
		all := strings.Split(line, "|")
		for i := range all {
			all[i] = strings.TrimSpace(all[i])
		}
		if head == nil {
			head = all
		} else {
			lines[all[0]] = all
		}
	}
	return head, lines
}

func note(cell string) string { return regexp.MustCompile(`\(\d+\)`).FindString(cell) }

func TestMarkdown(t *testing.T) {
	table := newTable([]peers.Peer{
		{Name: peers.Aside, Notes: map[peers.Row]string{peers.Hit: "a note"}},
		{Name: "other", Not: map[peers.Row]string{peers.Hit: "a reason"}},
		{Name: "third", Not: map[peers.Row]string{peers.Hit: "a reason"}},
	})
	table.add(row{id: peers.Hit, columns: []string{"hit", "allocs"}, legend: "a legend"},
		result{cells: map[string][]string{peers.Aside: {"1.00", "3"}}, remarks: []string{"a remark"}})
	var out bytes.Buffer
	require.NoError(t, table.markdown(&out, []string{"versions"}))
	require.Equal(t, `|  | hit | allocs |
| --- | --- | --- |
| **aside** | **1.00 (1)** | **3** |
| other | - (2) | - |
| third | - (2) | - |

- a legend
- a remark

- (1) a note
- (2) a reason

- versions
`, out.String())
}

func TestBadArguments(t *testing.T) {
	for _, args := range [][]string{{"-rounds", "0"}, {"-only", "x"}, {"-only", "hit,"}, {"-no"}} {
		require.Error(t, run(t.Context(), args, io.Discard, io.Discard), "%v", args)
	}
}

func TestAnEndedContextEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, run(ctx, []string{"-only", "stampede"}, io.Discard, io.Discard))
}

func TestFigures(t *testing.T) {
	require.Equal(t, "1.00", figure(1))
	require.Equal(t, "0.011", figure(0.0112))
	require.Equal(t, "0", percent(0, 10))
	require.Equal(t, "0.02 %", percent(2, 10000))
	require.Equal(t, "25.0 %", percent(1, 4))
	require.Equal(t, "1.5", mean([]float64{1, 2}))
	require.Equal(t, "200", mean([]float64{200}))
}
