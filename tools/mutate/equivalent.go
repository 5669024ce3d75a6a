package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A list of equivalents maps a file and a line as the mutant has it to the
// reason why no test can tell the mutant.
type equivalents map[[2]string]string

// readEquivalents reads blocks of three lines, an empty line between two: the
// file, the first line that the mutant changes as it is afterwards, the reason.
func readEquivalents(path string) (equivalents, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	known := equivalents{}
	for block := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		if len(lines) == 1 && lines[0] == "" {
			continue
		}
		if len(lines) != 3 {
			return nil, fmt.Errorf("%s: a block has the file, the mutated line and the reason, on a line each; this has %d lines:\n%s", path, len(lines), block)
		}
		known[[2]string{lines[0], strings.TrimSpace(lines[1])}] = lines[2]
	}
	return known, nil
}

// reason returns why m is equivalent, or "".
func (e equivalents) reason(root string, m mutant) (reason, diff string, err error) {
	src, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.file)))
	if err != nil {
		return "", "", err
	}
	_, after := m.lines(src)
	first, _, _ := strings.Cut(after, "\n")
	return e[[2]string{m.file, strings.TrimSpace(first)}], m.diff(src), nil
}
