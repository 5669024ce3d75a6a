package consistency

import (
	"maps"
	"regexp"
	"slices"
	"strings"

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
	Checked int64  `json:"checked"` // comparisons that ended equal or wrong
	Differs int64  `json:"differs"` // of these, wrong
}

// classes are the classes seen so far, by name.
type classes map[string]*Class

func (c classes) of(name string) *Class {
	if c[name] == nil && len(c) >= maxClasses {
		name = otherClasses
	}
	if c[name] == nil {
		c[name] = &Class{Name: name}
	}
	return c[name]
}

// count counts n answers that were compared.
func (c classes) count(name string, differs bool, n int64) {
	class := c.of(name)
	class.Checked += n
	if differs {
		class.Differs += n
	}
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
