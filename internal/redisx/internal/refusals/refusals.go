// Package refusals logs each cause for which Redis refuses commands once: when it begins, and again when it returns or
// changes. [Log].mu guards everything; no other lock is taken with it held, and the logger is called without it.
package refusals

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Refusal is a cause for which Redis refuses commands.
type Refusal struct {
	Node    string    // the address
	Command string    // the first that was refused, in capitals
	Reply   string    // Redis's own words
	Advice  string    // what to do about it
	Since   time.Time // when it began
	Last    time.Time // when a command was refused last
	Count   int64
}

const (
	currentFor = time.Second // a cause is past when no command was refused for so long
	logAgain   = time.Minute // a cause that comes and goes is logged once in this time
)

// Log collects refusals.
type Log struct {
	log      *slog.Logger               // nil: nothing is logged
	keys     string                     // the pattern of keys that a user has to be granted
	inScript func(redis.Cmder) []string // the commands that a script uses; none for other commands

	mu      sync.Mutex
	byCause map[string]*cause // guarded by mu
}

// cause is a Refusal, and when it was last logged.
type cause struct {
	Refusal
	logged time.Time
}

// New returns an empty log. keys is the pattern of keys that a user has to be granted. inScript returns the commands that
// a command uses if it runs a script.
func New(log *slog.Logger, keys string, inScript func(redis.Cmder) []string) *Log {
	return &Log{log: log, keys: keys, inScript: inScript, byCause: make(map[string]*cause)}
}

// Advice says what to do about a refusal.
func (l *Log) Advice(err error) string { return advice(l.keys, err) }

// Record takes a command that Redis has refused. It is called for every one.
func (l *Log) Record(addr string, cmd redis.Cmder, err error) {
	refusal := Refusal{Node: addr, Command: strings.ToUpper(cmd.Name()), Reply: reply(err), Advice: l.Advice(err)}
	key := addr + " " + refusal.Advice
	if unnamed(err) { // asked first, for it is cheap, and a Redis that is full refuses every script
		if used := l.inScript(cmd); len(used) > 0 {
			refusal.Advice = "grant the user what this script uses: +" + strings.Join(used, " +")
			key = addr + " script" // other scripts lack the same, or are logged once this one is granted
		}
	}
	first, isNew := l.count(key, refusal)
	if isNew && l.log != nil {
		l.log.Warn("aside: Redis refuses "+first+"; "+refusal.Advice, "node", addr, "command", first, "reply", refusal.Reply)
	}
}

// count adds a refusal to its cause. It returns the command that was refused first, and whether to log the cause.
func (l *Log) count(key string, refusal Refusal) (first string, log bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	c := l.byCause[key]
	if c == nil {
		c = &cause{}
		l.byCause[key] = c
	}
	if now.Sub(c.Last) > currentFor {
		c.Refusal = refusal
		c.Since = now
	}
	c.Last = now
	c.Count++
	log = c.logged.IsZero() || c.Count == 1 && now.Sub(c.logged) > logAgain
	if log {
		c.logged = now
	}
	return c.Command, log
}

// Now returns the causes for which Redis refuses commands at present.
func (l *Log) Now() []Refusal {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Refusal
	for _, c := range l.byCause {
		if time.Since(c.Last) <= currentFor {
			all = append(all, c.Refusal)
		}
	}
	slices.SortFunc(all, func(a, b Refusal) int { return strings.Compare(a.Node+a.Advice, b.Node+b.Advice) })
	return all
}
