package consistency

import (
	"regexp"
	"strings"

	"github.com/jollyjet/aside/store"
)

// variable are the parts of a key that tell it from others of its class: UUIDs, long hexadecimal numbers, and numbers.
var variable = regexp.MustCompile(`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{16,}|[0-9]+`)

// classOf is the class of a key by default: what is left of it when its numbers are replaced by "*".
func classOf(space *store.Space, key store.Key) string {
	parts, _ := space.Parts(key)
	text := strings.Join(parts, ",")
	return variable.ReplaceAllString(text[:min(len(text), 60)], "*")
}

// maxClasses bounds how many classes are told apart; the others are one.
const (
	maxClasses   = 100
	otherClasses = "(other)"
)

// Class counts the comparisons of keys of one class.
type Class struct {
	Name    string `json:"name"`
	Checked int64  `json:"checked"` // compared to the end
	Differs int64  `json:"differs"` // of these, wrong
}

// classes are those seen so far.
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

// count takes note of n answers that were compared to the end.
func (c classes) count(name string, differs bool, n int64) {
	class := c.of(name)
	class.Checked += n
	if differs {
		class.Differs += n
	}
}
