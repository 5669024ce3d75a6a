package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Position is how far a [Space.Walk] has come. Its zero value is the beginning. It can be kept as text, and is never
// changed once it is there.
type Position struct {
	space string // namespace and name; empty in the zero value
	steps map[string]step
}

// step is how far one run of a master is walked.
type step struct {
	cursor uint64
	done   bool
}

// errPosition is returned for text that is not that of a position.
var errPosition = errors.New("store: not the position of a walk")

// with returns the position after one more step.
func (p Position) with(space, id string, s step) Position {
	steps := maps.Clone(p.steps)
	if steps == nil {
		steps = make(map[string]step)
	}
	steps[id] = s
	return Position{space: space, steps: steps}
}

// String returns the position as text: the namespace, the cache, and for each master that has been begun its run id and
// the cursor to go on with, or "done".
func (p Position) String() string {
	if p.space == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString(p.space)
	for _, id := range slices.Sorted(maps.Keys(p.steps)) {
		b.WriteString(" " + id + "=")
		if s := p.steps[id]; s.done {
			b.WriteString("done")
		} else {
			b.WriteString(strconv.FormatUint(s.cursor, 10))
		}
	}
	return b.String()
}

// MarshalText implements encoding.TextMarshaler.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It accepts what String returns and nothing else.
func (p *Position) UnmarshalText(text []byte) error {
	read, err := parsePosition(string(text))
	if err == nil && read.String() != string(text) {
		err = errPosition
	}
	if err != nil {
		return fmt.Errorf("%w: %.100q", err, text)
	}
	*p = read
	return nil
}

func parsePosition(text string) (Position, error) {
	if text == "" {
		return Position{}, nil
	}
	words := strings.Split(text, " ")
	if len(words) < 2 || !plainName.MatchString(words[0]) || !plainName.MatchString(words[1]) {
		return Position{}, errPosition
	}
	p := Position{space: words[0] + " " + words[1], steps: make(map[string]step)}
	for _, word := range words[2:] {
		id, at, found := strings.Cut(word, "=")
		s, err := parseStep(at)
		if !found || id == "" || err != nil {
			return Position{}, errPosition
		}
		p.steps[id] = s
	}
	return p, nil
}

func parseStep(text string) (step, error) {
	if text == "done" {
		return step{done: true}, nil
	}
	cursor, err := strconv.ParseUint(text, 10, 64)
	return step{cursor: cursor}, err
}
