package cacheable

import (
	"encoding/hex"
	"reflect"
	"strconv"

	"github.com/jollyjet/aside/store"
)

// parse is the inverse of of. It reports false for a key that is not an entry's, and where the keys are custom.
func (k *keys[K]) parse(key store.Key) (argument K, ok bool) {
	if k.custom {
		return argument, false
	}
	parts, ok := k.cache.Parts(key)
	if !ok {
		return argument, false
	}
	if _, ok := takeParts(parts, reflect.ValueOf(&argument).Elem()); !ok || k.of(argument) != key {
		var none K
		return none, false
	}
	return argument, true
}

// takeParts sets a value from the first of the parts, and returns the rest. It is the inverse of appendParts.
func takeParts(parts []string, v reflect.Value) (rest []string, ok bool) {
	if v.Kind() == reflect.Array && v.Type().Elem().Kind() != reflect.Uint8 {
		for i := range v.Len() {
			if parts, ok = takeParts(parts, v.Index(i)); !ok {
				return nil, false
			}
		}
		return parts, true
	}
	if v.Kind() == reflect.Struct {
		for _, field := range v.Fields() {
			open := reflect.NewAt(field.Type(), field.Addr().UnsafePointer()).Elem() // unexported fields too
			if parts, ok = takeParts(parts, open); !ok {
				return nil, false
			}
		}
		return parts, true
	}
	if len(parts) == 0 || !takePart(parts[0], v) {
		return nil, false
	}
	return parts[1:], true
}

func takePart(part string, v reflect.Value) bool {
	switch {
	case v.Kind() == reflect.String:
		v.SetString(part)
		return true
	case v.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(part)
		v.SetBool(b)
		return err == nil
	case v.CanInt():
		n, err := strconv.ParseInt(part, 10, v.Type().Bits())
		v.SetInt(n)
		return err == nil
	case v.CanUint():
		n, err := strconv.ParseUint(part, 10, v.Type().Bits())
		v.SetUint(n)
		return err == nil
	default:
		return takeBytes(part, v)
	}
}

func takeBytes(part string, v reflect.Value) bool {
	b, err := hex.DecodeString(part)
	if err != nil || len(b) != v.Len() {
		return false
	}
	for i := range b {
		v.Index(i).SetUint(uint64(b[i]))
	}
	return true
}
