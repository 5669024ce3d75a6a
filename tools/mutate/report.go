package main

import (
	"fmt"
	"io"
	"strings"
)

// A tally counts the verdicts on the mutants of a package, or of all.
type tally map[verdict]int

// counted is the number of mutants that a test could have killed.
func (t tally) counted() int { return t[killed] + t[timedOut] + t[survived] }

// percent is the part of the counted mutants that tests noticed.
func (t tally) percent() float64 {
	if t.counted() == 0 {
		return 100
	}
	return 100 * float64(t[killed]+t[timedOut]) / float64(t.counted())
}

// tallies counts by package, in the order of the results, and in total.
func tallies(results []result) (pkgs []string, by map[string]tally, total tally) {
	by, total = map[string]tally{}, tally{}
	for _, r := range results {
		if by[r.pkg] == nil {
			by[r.pkg] = tally{}
			pkgs = append(pkgs, r.pkg)
		}
		by[r.pkg][r.verdict]++
		total[r.verdict]++
	}
	return pkgs, by, total
}

// markdown writes the results as a table, and the mutants that no test killed.
func markdown(w io.Writer, module string, results []result) error {
	pkgs, by, total := tallies(results)
	var b strings.Builder
	b.WriteString("| Package | Mutants | Killed | Timed out | Survived | Equivalent |\n|---|---:|---:|---:|---:|---:|\n")
	row := func(name string, t tally) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n",
			name, t.counted()+t[equivalent], t[killed], t[timedOut], t[survived], t[equivalent])
	}
	for _, p := range pkgs {
		row("`"+strings.TrimPrefix(strings.TrimPrefix(p, module), "/")+"`", by[p])
	}
	row("all", total)
	fmt.Fprintf(&b, "\nKilled: %.1f %% of %d that are not equivalent; %d did not compile and are not counted.\n",
		total.percent(), total.counted(), total[notCompiled])
	for _, v := range []verdict{survived, equivalent} {
		if total[v] == 0 {
			continue
		}
		fmt.Fprintf(&b, "\nMutants that are %s:\n\n", map[verdict]string{survived: "not killed", equivalent: "equivalent"}[v])
		for _, r := range results {
			if r.verdict == v {
				fmt.Fprintf(&b, "- `%s:%d`, %s", r.file, r.line, r.op)
				if r.by != "" {
					fmt.Fprintf(&b, ": %s", r.by)
				}
				b.WriteString("\n")
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
