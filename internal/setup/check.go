package setup

import (
	"fmt"
	"reflect"
	"regexp"
	"time"
)

// Package is the name of the public package whose options are checked.
type Package string

var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$`)

// NameRule says what [IsName] accepts.
const NameRule = "use up to 100 letters, digits and . _ / -, the first a letter or digit"

// IsName reports whether text may be part of a key as it is.
func IsName(text string) bool { return plainName.MatchString(text) }

// Name panics unless [IsName] accepts the name.
func (p Package) Name(option, name string) {
	if !IsName(name) {
		panic(fmt.Sprintf("%s: %s(%q): %s", p, option, name, NameRule))
	}
}

// Positive panics unless d is a millisecond or more.
func (p Package) Positive(option string, d time.Duration) { p.AtLeast(option, d, time.Millisecond) }

// AtLeast panics unless d is least or more.
func (p Package) AtLeast(option string, d, least time.Duration) {
	if d < least {
		panic(fmt.Sprintf("%s: %s(%v): use %v or more", p, option, d, least))
	}
}

// NotNil panics if the argument of an option is nil that makes sense only if it is not.
func (p Package) NotNil(option string, isNil bool) {
	if isNil {
		panic(fmt.Sprintf("%s: %s(nil): leave the option out", p, option))
	}
}

// IsNil reports whether v is nothing, or a pointer, function or map that is nil.
func IsNil(v any) bool {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func, reflect.Map:
		return r.IsNil()
	default:
		return false
	}
}

// Typed returns the function given to an option, or its zero value if the option was not given. Options are not generic, so
// only the constructor knows the type that it has to have. The constructor is named in the panic, like `New("product")`.
func Typed[F any](p Package, constructor, option string, given any) F {
	f, ok := given.(F)
	if !ok && given != nil {
		panic(fmt.Sprintf("%s: %s: %s is a %T, want a %T", p, constructor, option, given, f))
	}
	return f
}
