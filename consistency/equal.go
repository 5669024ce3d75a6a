package consistency

import (
	"math"
	"reflect"
)

// Floats that differ by no more than this many of the smallest steps are equal: adding the same numbers up in another
// order makes such a difference.
const (
	steps64 = 64
	steps32 = 4
)

// maxDepth bounds how deep values are compared. What is deeper has a cycle, and reflect.DeepEqual knows what to do.
const maxDepth = 100

// equivalent is reflect.DeepEqual, but for values with a method Equal, which decides, and floats, which may differ by
// rounding. NaN is equal to NaN.
func equivalent[V any](a, b V) bool {
	return alike(reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem(), 0)
}

func alike(a, b reflect.Value, depth int) bool {
	if a.IsValid() != b.IsValid() || !a.IsValid() {
		return a.IsValid() == b.IsValid()
	}
	if a.Type() != b.Type() {
		return false
	}
	if equal, ok := byMethod(a, b); ok {
		return equal
	}
	switch a.Kind() {
	case reflect.Float32:
		return near(a.Float(), b.Float(), steps32, float64(math.Nextafter32(float32(a.Float()), float32(math.Inf(1)))))
	case reflect.Float64:
		return near(a.Float(), b.Float(), steps64, math.Nextafter(a.Float(), math.Inf(1)))
	case reflect.Complex64, reflect.Complex128:
		return a.Complex() == b.Complex()
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		if depth > maxDepth {
			return a.CanInterface() && reflect.DeepEqual(a.Interface(), b.Interface())
		}
		return alike(a.Elem(), b.Elem(), depth+1)
	case reflect.Struct:
		for i := range a.NumField() {
			if !alike(a.Field(i), b.Field(i), depth+1) {
				return false
			}
		}
		return true
	case reflect.Slice:
		return a.IsNil() == b.IsNil() && sameElements(a, b, depth)
	case reflect.Array:
		return sameElements(a, b, depth)
	case reflect.Map:
		return a.IsNil() == b.IsNil() && sameEntries(a, b, depth)
	case reflect.Func:
		return a.IsNil() && b.IsNil()
	default:
		return a.Equal(b)
	}
}

func sameElements(a, b reflect.Value, depth int) bool {
	if a.Len() != b.Len() {
		return false
	}
	for i := range a.Len() {
		if !alike(a.Index(i), b.Index(i), depth+1) {
			return false
		}
	}
	return true
}

func sameEntries(a, b reflect.Value, depth int) bool {
	if a.Len() != b.Len() {
		return false
	}
	for _, key := range a.MapKeys() {
		other := b.MapIndex(key)
		if !other.IsValid() || !alike(a.MapIndex(key), other, depth+1) {
			return false
		}
	}
	return true
}

// near reports whether two floats differ by no more than some steps, of which next is one away from a. Whole numbers may
// be identifiers or times, so they must be the same.
func near(a, b, steps, next float64) bool {
	if a == b || math.IsNaN(a) && math.IsNaN(b) {
		return true
	}
	if a == math.Trunc(a) && b == math.Trunc(b) {
		return false
	}
	return math.Abs(a-b) <= steps*(next-a)
}

// byMethod compares two values with a method "Equal(T) bool" of their type, if there is one that can be called.
func byMethod(a, b reflect.Value) (equal, ok bool) {
	if !a.CanInterface() || !b.CanInterface() || a.Kind() == reflect.Interface || a.Kind() == reflect.Pointer && (a.IsNil() || b.IsNil()) {
		return false, false
	}
	method := a.MethodByName("Equal")
	if !method.IsValid() {
		return false, false
	}
	t := method.Type()
	if t.NumIn() != 1 || t.NumOut() != 1 || t.In(0) != a.Type() || t.Out(0).Kind() != reflect.Bool || t.IsVariadic() {
		return false, false
	}
	return method.Call([]reflect.Value{b})[0].Bool(), true
}
