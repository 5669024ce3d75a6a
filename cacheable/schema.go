package cacheable

import (
	"encoding"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"hash/fnv"
	"reflect"
)

// Schema names the version of the values' encoding. Entries of another version are misses. By default the version is a
// fingerprint of V, so a changed struct needs no attention. With Schema the user must change the version when old entries
// must no longer be read. The type of the key and the codec's name count in either case: see [New].
func Schema[T ~string | ~int | ~int32 | ~int64 | ~uint | ~uint32 | ~uint64](version T) Option {
	return func(s *settings) { s.schema = fmt.Sprintf("version %v", version) }
}

// fingerprint is a hash of everything that decides which value a key names, and how the value is encoded: the shape of the
// key's type, the codec, and the shape of the value's type or else the version. It is the same in every build.
func fingerprint(k, v reflect.Type, customKey bool, codec, version string) uint64 {
	h := fnv.New64a()
	describeKey(h, k, customKey)
	write(h, codec)
	if version != "" {
		write(h, version)
	} else {
		describe(h, v, map[reflect.Type]int{})
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// write adds a text with its length, so that different lists of texts give different input.
func write(h hash.Hash64, text string) { fmt.Fprintf(h, "%d:%s", len(text), text) }

// describe writes what decides how a value of a type is encoded: the kinds of its parts, the names and tags of exported fields,
// and the names of types that encode themselves. The names of other types do not matter. A type that it has seen is written as its number: types may be recursive, and
// types that refer to one another have far more paths through them than parts.
func describe(h hash.Hash64, t reflect.Type, seen map[reflect.Type]int) {
	if place, ok := seen[t]; ok {
		write(h, fmt.Sprintf("again %d", place))
		return
	}
	if encodesItself(t) {
		write(h, "as "+t.PkgPath()+"."+t.Name()) // and its fields: not every codec calls its methods
	}
	write(h, t.Kind().String())
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		seen[t] = len(seen)
		describe(h, t.Elem(), seen)
	case reflect.Array:
		write(h, fmt.Sprint(t.Len()))
		describe(h, t.Elem(), seen)
	case reflect.Map:
		seen[t] = len(seen)
		describe(h, t.Key(), seen)
		describe(h, t.Elem(), seen)
	case reflect.Struct:
		seen[t] = len(seen)
		describeFields(h, t, seen)
	}
}

func describeFields(h hash.Hash64, t reflect.Type, seen map[reflect.Type]int) {
	write(h, "{")
	for f := range t.Fields() {
		if !f.IsExported() && !f.Anonymous {
			continue // no codec sees it
		}
		write(h, f.Name)
		write(h, string(f.Tag))
		write(h, fmt.Sprint(f.Anonymous))
		describe(h, f.Type, seen)
	}
	write(h, "}")
}

var marshalers = []reflect.Type{
	reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.BinaryMarshaler](),
	reflect.TypeFor[interface{ MarshalCBOR() ([]byte, error) }](),
	reflect.TypeFor[interface{ MarshalMsgpack() ([]byte, error) }](),
}

// encodesItself reports whether a named type has a method that encodes it, so that its name says more than its
// fields.
func encodesItself(t reflect.Type) bool {
	if t.Name() == "" || t.Kind() == reflect.Interface {
		return false
	}
	for _, m := range marshalers {
		if t.Implements(m) || reflect.PointerTo(t).Implements(m) {
			return true
		}
	}
	_, ok := reflect.PointerTo(t).MethodByName("EncodeMsgpack")
	return ok
}

// plain reports whether copies of a value of this type share no memory that can be changed.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return false
	case reflect.Array:
		return plain(t.Elem())
	case reflect.Struct:
		for field := range t.Fields() {
			if !plain(field.Type) {
				return false
			}
		}
	}
	return true
}
