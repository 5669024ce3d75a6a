package consistency

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/store"
)

// variable matches the parts of a key that differ within a class: UUIDs, long hexadecimal numbers, and decimal numbers.
var variable = regexp.MustCompile(`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{16,}|[0-9]+`)

// defaultClass is the class of a key without [ClassOf]: the key with its numbers replaced by "*".
func defaultClass(entries *entry.Cache, key store.Key) string {
	parts, _ := entries.Parts(key)
	text := strings.Join(parts, ",")
	return variable.ReplaceAllString(text[:min(len(text), 60)], "*")
}

// maxClasses bounds how many classes are counted separately; otherClasses counts the rest.
const (
	maxClasses   = 100
	otherClasses = "(other)"
)

// Class counts the comparisons of keys of one class.
type Class struct {
	Name    string `json:"name"`
	Checked int64  `json:"checked"`          // comparisons that ended equal or wrong
	Differs int64  `json:"differs"`          // of these, wrong
	Slips   int64  `json:"slips,omitempty"`  // times that the source changed its answer though nothing was evicted
	Status  string `json:"status,omitempty"` // [DoesNotRepeat] or empty
	Lost    string `json:"lost,omitempty"`   // what the codec makes of the values, if they come back different: see cacheable.Equal
}

// DoesNotRepeat is the status of a class for which the loader does not repeat its answers. The package comment says what
// that means.
const DoesNotRepeat = "does not repeat its answers"

// classes are the classes seen so far, by name, and what they have shown of the loader. It is safe for concurrent use.
type classes struct {
	span    time.Duration // see habit.lasting
	changed func(n int64) // adds to the number of classes that do not repeat; must not block

	mu          sync.Mutex // guards all below
	all         map[string]*classState
	whole       habit // of all classes together
	unrepeating int64
	tell        []string // classes that have just come not to repeat, to be logged
}

type classState struct {
	Class
	habit
	told bool
}

func newClasses(span time.Duration, changed func(int64)) *classes {
	return &classes{span: span, changed: changed, all: make(map[string]*classState)}
}

// of returns a class. Under mu.
func (c *classes) of(name string) *classState {
	if c.all[name] == nil && len(c.all) >= maxClasses {
		name = otherClasses
	}
	if c.all[name] == nil {
		c.all[name] = &classState{Class: Class{Name: name}}
	}
	return c.all[name]
}

// wrong counts n hits that were wrong.
func (c *classes) wrong(name string, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.of(name)
	s.Checked += n
	s.Differs += n
}

// lost notes what the codec loses of the values of a class.
func (c *classes) lost(name, lost string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of(name).Lost = lost
}

// news returns the classes that have come not to repeat since the last call, each once in its life.
func (c *classes) news() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	tell := c.tell
	c.tell = nil
	return tell
}

// recount updates the number of classes that do not repeat. Under mu.
func (c *classes) recount() {
	var n int64
	for _, s := range c.all {
		if s.Slips > 0 && !c.repeats(s) {
			n++
		}
	}
	c.changed(n - c.unrepeating)
	c.unrepeating = n
}

// forget is for the end of the comparisons.
func (c *classes) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed(-c.unrepeating)
	c.unrepeating = 0
}

// sorted returns the classes, the worst first.
func (c *classes) sorted() []Class {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]Class, 0, len(c.all))
	for _, name := range slices.Sorted(maps.Keys(c.all)) {
		s := c.all[name]
		class := s.Class
		if s.Slips > 0 && !c.repeats(s) {
			class.Status = DoesNotRepeat
		}
		all = append(all, class)
	}
	slices.SortStableFunc(all, func(a, b Class) int {
		return cmp.Or(cmp.Compare(b.Differs, a.Differs), cmp.Compare(b.Slips, a.Slips), strings.Compare(a.Name, b.Name))
	})
	return all
}
