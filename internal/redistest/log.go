package redistest

import (
	"context"
	"log/slog"
	"strings"
	"sync"
)

// Log is a [slog.Handler] that keeps what is logged, for a test to look for. It ignores attributes and groups of a logger
// that was derived from its own.
type Log struct {
	least slog.Level

	mu    sync.Mutex
	lines []Line // guarded by mu
}

// Line is what was logged at once.
type Line struct {
	slog.Record
	Text string // the message and the attributes
}

// NewLog returns a log of what is logged at least at the level.
func NewLog(least slog.Level) *Log { return &Log{least: least} }

// Logger returns a logger whose output the log keeps.
func (l *Log) Logger() *slog.Logger { return slog.New(l) }

// Enabled implements [slog.Handler].
func (l *Log) Enabled(_ context.Context, level slog.Level) bool { return level >= l.least }

// WithAttrs implements [slog.Handler].
func (l *Log) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements [slog.Handler].
func (l *Log) WithGroup(string) slog.Handler { return l }

// Handle implements [slog.Handler].
func (l *Log) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, Line{r, text})
	return nil
}

// Lines returns the lines that match.
func (l *Log) Lines(match func(Line) bool) (found []Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if match(line) {
			found = append(found, line)
		}
	}
	return found
}

// With returns the lines that contain the words, in the message or in attributes.
func (l *Log) With(words string) []Line {
	return l.Lines(func(line Line) bool { return strings.Contains(line.Text, words) })
}

// At returns the lines of the level whose message begins with the words.
func (l *Log) At(level slog.Level, words string) []Line {
	return l.Lines(func(line Line) bool { return line.Level == level && strings.HasPrefix(line.Message, words) })
}

// Texts returns the text of each line.
func Texts(lines []Line) []string {
	texts := make([]string, len(lines))
	for i, line := range lines {
		texts[i] = line.Text
	}
	return texts
}

// Attr returns an attribute. Its Any is nil if the line has none of that name.
func (l Line) Attr(name string) (value slog.Value) {
	l.Attrs(func(a slog.Attr) bool {
		if a.Key == name {
			value = a.Value
		}
		return a.Key != name
	})
	return value
}
