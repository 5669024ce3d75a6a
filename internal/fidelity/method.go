package fidelity

import (
	"encoding"
	"encoding/json"
	"reflect"
	"time"
)

// method compares two values of a type that has it.
type method func(a, b reflect.Value) bool

// byMethod compares two values with the method of their type. It reports false if they have none.
func (c *comparison) byMethod(a, b reflect.Value) (same, ok bool) {
	if a.Type().Name() == "" {
		return false, false
	}
	compare, known := c.methods[a.Type()]
	if !known {
		compare = methodOf(a.Type())
		c.methods[a.Type()] = compare
	}
	if compare == nil {
		return false, false
	}
	x, y := open(a), open(b)
	if !x.IsValid() || !y.IsValid() {
		return false, false
	}
	return compare(x, y), true
}

// open returns a value as one that methods can be called with, and that can be pointed to. It returns the zero Value if that can't
// be: for a part of an unexported field in an interface or a map.
func open(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem() // unexported fields too
	}
	if !v.CanInterface() {
		return reflect.Value{}
	}
	copied := reflect.New(v.Type()).Elem()
	copied.Set(v)
	return copied
}

var ownEncoders = []reflect.Type{
	reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.BinaryMarshaler](),
}

// methodOf returns the method of a type that says whether two of its values are equal, or nil. Only a type that also encodes
// itself is asked: its fields are its own business. The Equal of other types may mean that two values have the same id.
func methodOf(t reflect.Type) method {
	if t == reflect.TypeFor[time.Time]() {
		return func(a, b reflect.Value) bool {
			x, _ := a.Interface().(time.Time)
			y, _ := b.Interface().(time.Time)
			return x.Equal(y)
		}
	}
	p := reflect.PointerTo(t)
	own := false
	for _, m := range ownEncoders {
		own = own || p.Implements(m)
	}
	if !own || t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer {
		return nil
	}
	if m, ok := p.MethodByName("Equal"); ok && takesItself(m.Type, t, reflect.Bool) {
		return func(a, b reflect.Value) bool { return call(m, a, b).Bool() }
	}
	if m, ok := p.MethodByName("Cmp"); ok && takesItself(m.Type, t, reflect.Int) {
		return func(a, b reflect.Value) bool { return call(m, a, b).Int() == 0 }
	}
	return nil
}

// takesItself reports whether a method of a pointer to t takes another t, or a pointer to it.
func takesItself(method, t reflect.Type, result reflect.Kind) bool {
	return method.NumIn() == 2 && method.NumOut() == 1 && method.Out(0).Kind() == result && !method.IsVariadic() &&
		(method.In(1) == t || method.In(1) == reflect.PointerTo(t))
}

func call(m reflect.Method, a, b reflect.Value) reflect.Value {
	if m.Type.In(1).Kind() == reflect.Pointer {
		b = b.Addr()
	}
	return m.Func.Call([]reflect.Value{a.Addr(), b})[0]
}
