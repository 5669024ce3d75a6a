package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A module with a package that embeds a script, and one above it.
var module = map[string]string{
	"go.mod": "module example.com/m\n\ngo 1.26\n",
	"low/low.go": `package low

import _ "embed"

//go:embed s.lua
var Script string

func Killed(a int) bool { return a < 3 }

func Above(a int) bool { return a > 3 }

func Survived(a int) bool { return a != 3 }

func Endless(n int) (i int) {
	for i = 0; i < n; {
		i++
	}
	return i
}

func Typed(s string) bool { return s == "" && !(s > "a") }
`,
	"low/s.lua": "return a == b\n",
	"low/low_test.go": `package low

import "testing"

func TestLow(t *testing.T) {
	if Killed(3) || Script != "return a == b\n" || Endless(2) != 2 {
		t.Fatal("wrong")
	}
}
`,
	"high/high.go": "package high\n\nimport \"example.com/m/low\"\n\nfunc High() bool { return low.Above(3) }\n",
	"high/high_test.go": `package high

import "testing"

func TestHigh(t *testing.T) {
	if High() {
		t.Fatal("wrong")
	}
}
`,
	"equivalent.txt": "low/low.go\nfunc Typed(s string) bool { return s == \"\" || !(s > \"a\") }\nfor this test\n",
}

func writeModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range module {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Each verdict is told, with the test that killed, and the files stay as they
// are.
func TestVerdicts(t *testing.T) {
	dir := writeModule(t)
	for _, c := range []struct {
		only    string
		verdict verdict
		by      string
	}{
		{`low.go:8 < becomes`, killed, "example.com/m/low TestLow"},
		{`low.go:10 > becomes`, killed, "example.com/m/high TestHigh"},
		{`low.go:12 != becomes`, survived, "low.go:12"},
		{`low.go:16 assignment removed`, timedOut, "example.com/m/low"},
		{`s.lua:1 == becomes`, killed, "example.com/m/low TestLow"},
		{`low.go:21 && becomes`, equivalent, "for this test"},
	} {
		t.Run(string(c.verdict)+c.only, func(t *testing.T) {
			var out strings.Builder
			total, err := mutate(context.Background(), options{
				root: dir, only: c.only, most: 10, limit: 10 * time.Second, least: 100,
				equivalent: filepath.Join(dir, "equivalent.txt"), patterns: []string{"./low"},
			}, &out)
			if err != nil {
				t.Fatal(err)
			}
			if len(total) != 1 || total[c.verdict] != 1 || !strings.Contains(out.String(), c.by) {
				t.Errorf("%v, want one %s and %q in:\n%s", total, c.verdict, c.by, &out)
			}
		})
	}
	for name, text := range module {
		if got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name))); err != nil || string(got) != text {
			t.Errorf("%s was changed: %v", name, err)
		}
	}
}

// A mutant that does not compile was neither killed nor missed.
func TestNotCompiled(t *testing.T) {
	for out, want := range map[string]verdict{
		"# m/low\nlow.go:3:2: undefined: x\nFAIL\tm/low [build failed]\nFAIL\n":       notCompiled,
		"FAIL\tm/low [setup failed]\n":                                                notCompiled,
		"--- FAIL: TestLow (0.00s)\n    low_test.go:7: [build failed]\nFAIL\tm/low\n": killed,
		"panic: test timed out after 10s\nFAIL\tm/low 10.01s\n":                       timedOut,
		"panic: nil map\nFAIL\tm/low 0.01s\n":                                         killed,
	} {
		if got := judge(out); got != want {
			t.Errorf("%q: %s, want %s", out, got, want)
		}
	}
	total := tally{killed: 8, timedOut: 1, survived: 1, notCompiled: 5, equivalent: 5}
	if total.percent() != 90 {
		t.Errorf("%v %%, want 90", total.percent())
	}
}

// Tests that fail without a mutant would kill every one.
func TestFailsWithoutMutant(t *testing.T) {
	dir := writeModule(t)
	path := filepath.Join(dir, "low", "low_test.go")
	if err := os.WriteFile(path, []byte("package low\n\nimport \"testing\"\n\nfunc TestLow(t *testing.T) { t.Fatal(\"wrong\") }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := mutate(context.Background(), options{root: dir, only: "low.go:8 <", most: 10, limit: 10 * time.Second, patterns: []string{"./low"}}, new(strings.Builder))
	if err == nil || !strings.Contains(err.Error(), "fail without a mutant") {
		t.Errorf("%v", err)
	}
}

func TestMarkdown(t *testing.T) {
	m := mutant{pkg: "example.com/m/low", file: "low/low.go", line: 8, op: "< becomes <="}
	var out strings.Builder
	if err := markdown(&out, "example.com/m", []result{
		{mutant: m, verdict: killed}, {mutant: m, verdict: survived}, {mutant: m, verdict: equivalent, by: "the reason"}, {mutant: m, verdict: notCompiled},
	}); err != nil {
		t.Fatal(err)
	}
	want := `| Package | Mutants | Killed | Timed out | Survived | Equivalent |
|---|---:|---:|---:|---:|---:|
| ` + "`low`" + ` | 3 | 1 | 0 | 1 | 1 |
| all | 3 | 1 | 0 | 1 | 1 |

Killed: 50.0 % of 2 that are not equivalent; 1 did not compile and are not counted.

Mutants that are not killed:

- ` + "`low/low.go:8`" + `, < becomes <=

Mutants that are equivalent:

- ` + "`low/low.go:8`" + `, < becomes <=: the reason
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}
