package main

import (
	"bytes"
	"fmt"
	"strings"
)

// A mutant is one edit of one file: the bytes from start to end become text.
type mutant struct {
	pkg        string // import path
	file       string // slash path below the module's root
	line       int
	start, end int
	text       string
	op         string // what the edit does, in a few words
}

// apply returns src with the edit done.
func (m mutant) apply(src []byte) []byte {
	return append(append(bytes.Clone(src[:m.start]), m.text...), src[m.end:]...)
}

// lines returns the lines of src that the edit changes, before and after it.
func (m mutant) lines(src []byte) (before, after string) {
	from := bytes.LastIndexByte(src[:m.start], '\n') + 1
	to := len(src)
	if i := bytes.IndexByte(src[m.end:], '\n'); i >= 0 {
		to = m.end + i
	}
	return string(src[from:to]), string(src[from:m.start]) + m.text + string(src[m.end:to])
}

// diff returns the edit as the lines removed and the lines added.
func (m mutant) diff(src []byte) string {
	before, after := m.lines(src)
	var b strings.Builder
	for l := range strings.SplitSeq(before, "\n") {
		fmt.Fprintf(&b, "    -%s\n", l)
	}
	for l := range strings.SplitSeq(after, "\n") {
		fmt.Fprintf(&b, "    +%s\n", l)
	}
	return b.String()
}

func (m mutant) String() string { return fmt.Sprintf("%s:%d %s", m.file, m.line, m.op) }

// An editor collects the mutants of one file.
type editor struct {
	pkg, file string
	src       []byte
	found     []mutant
}

func (e *editor) replace(start, end int, op, text string) {
	e.found = append(e.found, mutant{
		pkg: e.pkg, file: e.file, line: 1 + bytes.Count(e.src[:start], []byte("\n")),
		start: start, end: end, text: text, op: op,
	})
}

// wrap puts text around the bytes from start to end.
func (e *editor) wrap(start, end int, op, before, after string) {
	e.replace(start, end, op, before+string(e.src[start:end])+after)
}
