package scan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jollyjet/aside/internal/setup"
)

// Position is how far a walk has come. Its zero value is the beginning. It can be kept as text, and is never changed once
// it was made.
type Position struct {
	cache string // namespace and name; empty in the zero value
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
func (p Position) with(cache, id string, s step) Position {
	steps := maps.Clone(p.steps)
	if steps == nil {
		steps = make(map[string]step)
	}
	steps[id] = s
	return Position{cache: cache, steps: steps}
}

// String returns the position as text: the namespace, the cache, and for each master that has been begun its run id and
// the cursor to go on with, or "done".
func (p Position) String() string {
	if p.cache == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString(p.cache)
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
	if len(words) < 2 || !setup.IsName(words[0]) || !setup.IsName(words[1]) {
		return Position{}, errPosition
	}
	p := Position{cache: words[0] + " " + words[1], steps: make(map[string]step)}
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
