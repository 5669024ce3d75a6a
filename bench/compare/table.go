package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jollyjet/aside/bench/peers"
)

// row is one kind of work. It makes one or several columns of the table.
type row struct {
	id      peers.Row
	columns []string
	legend  string
	run     func(context.Context, *lab) (result, error)
}

// result has the cells of each peer that took part, by name, and what to say below the table.
type result struct {
	cells   map[string][]string
	remarks []string
}

// table has a line for each peer.
type table struct {
	peers   []peers.Peer
	head    []string
	lines   [][]string
	notes   []string // numbered from 1
	legends []string
}

func newTable(all []peers.Peer) *table {
	t := &table{peers: all, head: []string{""}, lines: make([][]string, len(all))}
	for i, p := range all {
		t.lines[i] = []string{p.Name}
	}
	return t
}

// add adds the columns of a row. A peer without cells could not do it, and has to say why.
func (t *table) add(r row, found result) {
	t.head = append(t.head, r.columns...)
	t.legends = append(t.legends, r.legend)
	t.legends = append(t.legends, found.remarks...)
	for i, p := range t.peers {
		cells, ok := found.cells[p.Name]
		note := p.Notes[r.id]
		if !ok {
			cells, note = slices.Repeat([]string{"-"}, len(r.columns)), p.Not[r.id]
		}
		for n, cell := range cells {
			if n == 0 && note != "" {
				cell += " " + t.mark(note)
			}
			t.lines[i] = append(t.lines[i], cell)
		}
	}
}

// mark is the sign of a note. Notes with the same text have the same one.
func (t *table) mark(note string) string {
	at := slices.Index(t.notes, note)
	if at < 0 {
		at = len(t.notes)
		t.notes = append(t.notes, note)
	}
	return fmt.Sprintf("(%d)", at+1)
}

func (t *table) text(out io.Writer, about []string) error {
	all := append([][]string{t.head}, t.lines...)
	widths := make([]int, len(t.head))
	for _, line := range all {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, line := range all {
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString(cell + pad)
			} else {
				b.WriteString(" | " + cell + pad)
			}
		}
		b.WriteByte('\n')
	}
	t.below(&b, "", about)
	_, err := io.WriteString(out, b.String())
	return err
}

func (t *table) markdown(out io.Writer, about []string) error {
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(t.head)
	line(slices.Repeat([]string{"---"}, len(t.head)))
	for i, cells := range t.lines {
		if strings.HasPrefix(t.peers[i].Name, peers.Aside) {
			cells = slices.Clone(cells)
			for n := range cells {
				cells[n] = "**" + cells[n] + "**"
			}
		}
		line(cells)
	}
	t.below(&b, "- ", about)
	_, err := io.WriteString(out, b.String())
	return err
}

// below writes what is to be read with the table.
func (t *table) below(b *strings.Builder, bullet string, about []string) {
	b.WriteByte('\n')
	for _, s := range t.legends {
		fmt.Fprintf(b, "%s%s\n", bullet, s)
	}
	b.WriteByte('\n')
	for i, s := range t.notes {
		fmt.Fprintf(b, "%s(%d) %s\n", bullet, i+1, s)
	}
	b.WriteByte('\n')
	for _, s := range about {
		fmt.Fprintf(b, "%s%s\n", bullet, s)
	}
}
