package cacheable

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"strconv"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/store"
)

// keyFunc returns what makes the Redis key of an argument. It panics if arguments of this type need the Key option.
func keyFunc[K comparable](space *entry.Cache, key func(K) string) func(K) store.Key {
	if key != nil {
		return func(k K) store.Key { return space.Key(key(k)) }
	}
	t := reflect.TypeFor[K]()
	if err := encodable(t); err != nil {
		panic(fmt.Sprintf("cacheable: New(%q): arguments of type %v need a key of their own (%v): use cacheable.Key(func(%v) string)", space.Name(), t, err, t))
	}
	if t == reflect.TypeFor[string]() {
		return func(k K) store.Key { return space.Key(any(k).(string)) }
	}
	return func(k K) store.Key { return space.Key(appendParts(nil, reflect.ValueOf(&k).Elem())...) }
}

// encodable reports whether the parts of a value of this type say all about it, and are always as many.
func encodable(t reflect.Type) error {
	switch t.Kind() {
	case reflect.String, reflect.Bool,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return nil
	case reflect.Array:
		return encodable(t.Elem())
	case reflect.Struct:
		for field := range t.Fields() {
			if err := encodable(field.Type); err != nil {
				return fmt.Errorf("field %s: %w", field.Name, err)
			}
		}
		return nil
	default:
		return fmt.Errorf("%v is not a string, an integer, a boolean, or an array or struct of them", t)
	}
}

// appendParts takes a value apart. It reads unexported fields too.
func appendParts(parts []string, v reflect.Value) []string {
	switch {
	case v.Kind() == reflect.String:
		return append(parts, v.String())
	case v.Kind() == reflect.Bool:
		return append(parts, strconv.FormatBool(v.Bool()))
	case v.CanInt():
		return append(parts, strconv.FormatInt(v.Int(), 10))
	case v.CanUint():
		return append(parts, strconv.FormatUint(v.Uint(), 10))
	case v.Kind() == reflect.Array && v.Type().Elem().Kind() == reflect.Uint8:
		return append(parts, hexOf(v))
	case v.Kind() == reflect.Array:
		for i := range v.Len() {
			parts = appendParts(parts, v.Index(i))
		}
	case v.Kind() == reflect.Struct:
		for _, field := range v.Fields() {
			parts = appendParts(parts, field)
		}
	}
	return parts
}

// hexOf writes an array of bytes, such as a UUID, the way people do.
func hexOf(v reflect.Value) string {
	b := make([]byte, v.Len())
	for i := range b {
		b[i] = byte(v.Index(i).Uint())
	}
	return hex.EncodeToString(b)
}
