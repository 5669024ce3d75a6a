package fidelity

import (
	"bytes"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// Difference is the first part in which two values differ.
type Difference struct {
	Path string // such as .Items[3].Price; empty for the value itself
	How  string // such as "came back empty"
}

func (d *Difference) String() string {
	if d.Path == "" {
		return "the value " + d.How
	}
	return d.Path + " " + d.How
}

// maxParts bounds the cost of a comparison. Parts beyond it are taken to be equal.
const maxParts = 100_000

// Compare returns the first difference between a value and what came back for it, or nil, and whether parts differ of which
// [Rules.Lost] tells already. a and b are pointers to values of one type.
//
// NaN equals NaN, 0 equals -0, and nil equals empty for slices and maps. Times are equal if they are the same instant: where they
// are, and what the process's clock said, does not matter. Other types that encode themselves and have a method Equal or Cmp
// are compared with it, those without by their fields, unexported ones included. It may panic if such a method does.
func (r *Rules) Compare(a, b any) (found *Difference, lost bool) {
	c := &comparison{rules: r, left: maxParts, seen: make(map[visit]bool), methods: make(map[reflect.Type]method)}
	if c.equal(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()) {
		return nil, c.lost
	}
	return &Difference{Path: strings.Join(c.path, ""), How: c.how}, c.lost
}

// comparison is the state of one comparison.
type comparison struct {
	rules   *Rules
	left    int            // parts
	seen    map[visit]bool // for values that contain themselves
	methods map[reflect.Type]method
	path    []string // to the part that is compared now
	how     string   // the part differs
	lost    bool
}

func (c *comparison) differs(how string) bool {
	c.how = how
	return false
}

// in compares parts of the values. The path stays where it is if they differ.
func (c *comparison) in(step string, a, b reflect.Value) bool {
	c.path = append(c.path, step)
	if !c.equal(a, b) {
		return false
	}
	c.path = c.path[:len(c.path)-1]
	return true
}

// equal compares a value with what came back. Both have the same type.
func (c *comparison) equal(a, b reflect.Value) bool {
	if c.left--; c.left < 0 {
		return true
	}
	if same, ok := c.byMethod(a, b); ok {
		return same || c.differs(howScalar(b))
	}
	switch a.Kind() {
	case reflect.Array:
		return c.elements(a, b)
	case reflect.Slice:
		return c.slices(a, b)
	case reflect.Map:
		return c.maps(a, b)
	case reflect.Struct:
		return c.structs(a, b)
	case reflect.Pointer:
		return c.pointers(a, b)
	case reflect.Interface:
		return c.interfaces(a, b)
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return a.IsNil() == b.IsNil() || c.differs("came back nil")
	default:
		return sameScalar(a, b) || c.differs(howScalar(b))
	}
}

func howScalar(b reflect.Value) string {
	if b.IsZero() {
		return "came back empty"
	}
	return "came back different"
}

func sameScalar(a, b reflect.Value) bool {
	switch {
	case a.CanInt():
		return a.Int() == b.Int()
	case a.CanUint():
		return a.Uint() == b.Uint()
	case a.CanFloat():
		return sameFloat(a.Float(), b.Float())
	case a.CanComplex():
		x, y := a.Complex(), b.Complex()
		return sameFloat(real(x), real(y)) && sameFloat(imag(x), imag(y))
	case a.Kind() == reflect.Bool:
		return a.Bool() == b.Bool()
	default:
		return a.String() == b.String()
	}
}

func sameFloat(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) }

func (c *comparison) slices(a, b reflect.Value) bool {
	if a.Type().Elem().Kind() == reflect.Uint8 {
		return bytes.Equal(a.Bytes(), b.Bytes()) || c.differs(howScalar(b))
	}
	if a.Len() != b.Len() {
		return c.differs("came back with " + strconv.Itoa(b.Len()) + " elements in place of " + strconv.Itoa(a.Len()))
	}
	if a.Len() == 0 || a.Pointer() == b.Pointer() || c.begun(a, b) {
		return true
	}
	return c.elements(a, b)
}

func (c *comparison) elements(a, b reflect.Value) bool {
	for i := range a.Len() {
		if c.left < 0 {
			return true
		}
		if !c.in("["+strconv.Itoa(i)+"]", a.Index(i), b.Index(i)) {
			return false
		}
	}
	return true
}

func (c *comparison) maps(a, b reflect.Value) bool {
	if a.Len() != b.Len() {
		return c.differs("came back with " + strconv.Itoa(b.Len()) + " keys in place of " + strconv.Itoa(a.Len()))
	}
	if a.Len() == 0 || a.Pointer() == b.Pointer() || c.begun(a, b) {
		return true
	}
	for entries := a.MapRange(); entries.Next() && c.left >= 0; {
		key := entries.Key()
		found := c.lookUp(b, key)
		if !found.IsValid() {
			c.path = append(c.path, "["+keyText(key)+"]")
			return c.differs("did not come back")
		}
		if !c.in("["+keyText(key)+"]", entries.Value(), found) {
			return false
		}
	}
	return true
}

// lookUp returns the element of a map for a key of another map. Keys that are not found as they are may still be equal.
func (c *comparison) lookUp(m, key reflect.Value) reflect.Value {
	found := m.MapIndex(key)
	if found.IsValid() || key.CanInt() || key.CanUint() || key.Kind() == reflect.String || key.Kind() == reflect.Bool {
		return found
	}
	path := len(c.path)
	for entries := m.MapRange(); entries.Next() && c.left >= 0; {
		if c.in("", key, entries.Key()) {
			return entries.Value()
		}
		c.path = c.path[:path]
	}
	return reflect.Value{}
}

// keyText is a map's key in a path.
func keyText(key reflect.Value) string {
	for key.Kind() == reflect.Interface && !key.IsNil() {
		key = key.Elem()
	}
	switch {
	case key.Kind() == reflect.String && key.Len() <= 40:
		return strconv.Quote(key.String())
	case key.CanInt():
		return strconv.FormatInt(key.Int(), 10)
	case key.CanUint():
		return strconv.FormatUint(key.Uint(), 10)
	default:
		return "..."
	}
}

func (c *comparison) structs(a, b reflect.Value) bool {
	t := a.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		if idle(&f) {
			continue
		}
		path := len(c.path)
		if c.in("."+f.Name, a.Field(i), b.Field(i)) {
			continue
		}
		if c.rules.codec == "" || c.rules.encodesItself(t, true) || c.rules.dropped(&f) == "" {
			return false
		}
		c.lost, c.path = true, c.path[:path] // Lost has named it
	}
	return true
}

func (c *comparison) pointers(a, b reflect.Value) bool {
	switch {
	case a.IsNil() && b.IsNil():
		return true
	case a.IsNil():
		return c.differs("was nil and came back set")
	case b.IsNil():
		return c.differs("came back nil")
	}
	return a.Pointer() == b.Pointer() || c.begun(a, b) || c.equal(a.Elem(), b.Elem())
}

func (c *comparison) interfaces(a, b reflect.Value) bool {
	switch {
	case a.IsNil() && b.IsNil():
		return true
	case a.IsNil():
		return c.differs("was nil and came back as " + b.Elem().Type().String())
	case b.IsNil():
		return c.differs("came back nil")
	case a.Elem().Type() != b.Elem().Type():
		return c.differs("is " + a.Elem().Type().String() + " and came back as " + b.Elem().Type().String())
	}
	return c.equal(a.Elem(), b.Elem())
}

// begun reports whether the two were met before, and remembers them.
func (c *comparison) begun(a, b reflect.Value) bool {
	both := visit{a: a.Pointer(), b: b.Pointer(), t: a.Type()}
	if a.Kind() == reflect.Slice {
		both.length = a.Len()
	}
	begun := c.seen[both]
	c.seen[both] = true
	return begun
}

// visit is two pointers, maps or slices that were followed.
type visit struct {
	a, b   uintptr
	length int // of slices
	t      reflect.Type
}
