package consistency

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/jollyjet/aside/store"
)

// ledger is what a monitor remembers of what it has found.
type ledger struct {
	keep int

	mu       sync.Mutex
	classes  classes
	findings map[string]*Finding // by key
	order    []string            // of the findings, the oldest first
}

func newLedger(keep int) *ledger {
	return &ledger{keep: keep, classes: make(classes), findings: make(map[string]*Finding)}
}

// count takes note of answers of a class that were compared to the end.
func (l *ledger) count(class string, differs bool, n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.classes.count(class, differs, n)
}

// known reports whether this very version is known to be wrong, and counts one more answer with it.
func (l *ledger) known(key string, version store.Version) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.findings[key]
	if f == nil || f.version != version {
		return false
	}
	f.Hits++
	return true
}

// add takes note of a finding in place of the last one of its key, and of the oldest if there are too many. It reports
// false if this very version is known already: an answer that came between the end of a suspicion and its finding has led
// to another one.
func (l *ledger) add(f Finding) (news bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch old := l.findings[f.Key]; {
	case old != nil && old.version == f.version:
		old.Hits += f.Hits
		return false
	case old != nil:
		l.order = slices.DeleteFunc(l.order, func(key string) bool { return key == f.Key })
	case len(l.order) >= l.keep:
		delete(l.findings, l.order[0])
		l.order = l.order[1:]
	}
	l.findings[f.Key] = &f
	l.order = append(l.order, f.Key)
	return true
}

// report returns the classes, the worst first, and the findings, the latest first.
func (l *ledger) report() ([]Class, []Finding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	findings := make([]Finding, 0, len(l.order))
	for _, key := range slices.Backward(l.order) {
		findings = append(findings, *l.findings[key])
	}
	return l.classes.sorted(), findings
}

// sorted returns the classes, the worst first.
func (c classes) sorted() []Class {
	all := make([]Class, 0, len(c))
	for _, name := range slices.Sorted(maps.Keys(c)) {
		all = append(all, *c[name])
	}
	slices.SortStableFunc(all, func(a, b Class) int {
		if a.Differs != b.Differs {
			return int(b.Differs - a.Differs)
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all
}
