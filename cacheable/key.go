package cacheable

import (
	"context"
	"encoding/hex"
	"fmt"
	"reflect"
	"strconv"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/store"
)

// Key makes the key of an argument. It is needed for arguments that are not strings, integers, booleans, or arrays or
// structs of these. Two arguments with the same key share an entry.
func Key[K comparable](key func(K) string) Option {
	checks.NotNil("Key", key == nil)
	return func(s *settings) { s.key = key }
}

// keys translates arguments to keys in Redis. It is immutable.
type keys[K comparable] struct {
	cache  *entry.Cache
	custom bool // by the Key option, so they can't be parsed
	of     func(K) store.Key
	tagsOf func(K) []string // nil without Tags
}

func newKeys[K comparable](cache *entry.Cache, s *settings) keys[K] {
	key := typed[func(K) string](cache.Name(), "Key", s.key)
	tagsOf := typed[func(K) []string](cache.Name(), "Tags", s.tags)
	return keys[K]{cache: cache, custom: key != nil, of: keyFunc(cache, key), tagsOf: tagsOf}
}

// ref returns the entry of an argument, with the tags that the argument has, for a reader with that context.
func (k *keys[K]) ref(ctx context.Context, key K) (ref entry.Ref) {
	if k.tagsOf == nil {
		ref = k.cache.Ref(k.of(key), nil)
	} else {
		ref = k.cache.Ref(k.of(key), k.tagsOf(key))
	}
	ref.Strict = entry.InLoad(ctx)
	return ref
}

func (k *keys[K]) all(arguments []K) []store.Key {
	of := make([]store.Key, len(arguments))
	for i, key := range arguments {
		of[i] = k.of(key)
	}
	return of
}

// keyFunc returns the function that makes the Redis key of an argument. It panics if arguments of this type need the
// Key option.
func keyFunc[K comparable](cache *entry.Cache, key func(K) string) func(K) store.Key {
	if key != nil {
		return func(k K) store.Key { return cache.Key(key(k)) }
	}
	t := reflect.TypeFor[K]()
	if err := encodable(t); err != nil {
		panic(fmt.Sprintf("cacheable: New(%q): arguments of type %v need a key of their own (%v): use cacheable.Key(func(%v) string)", cache.Name(), t, err, t))
	}
	if t == reflect.TypeFor[string]() {
		return func(k K) store.Key { return cache.Key(any(k).(string)) }
	}
	return func(k K) store.Key { return cache.Key(appendParts(nil, reflect.ValueOf(&k).Elem())...) }
}

// encodable returns an error unless values of this type have a fixed number of parts that identify them.
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

// appendParts appends the parts of a value, those in unexported fields included.
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

// hexOf returns an array of bytes, such as a UUID, in hexadecimal.
func hexOf(v reflect.Value) string {
	b := make([]byte, v.Len())
	for i := range b {
		b[i] = byte(v.Index(i).Uint())
	}
	return hex.EncodeToString(b)
}
