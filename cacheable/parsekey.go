package cacheable

import (
	"encoding/hex"
	"reflect"
	"strconv"

	"github.com/jollyjet/aside/store"
)

// ParseKey is the opposite of EntryKey. It reports false for what is not the key of an entry, and where arguments have a
// [Key] of their own.
func (c *Cacheable[K, V]) ParseKey(key store.Key) (k K, ok bool) {
	if c.settings.key != nil {
		return k, false
	}
	parts, ok := c.space.Parts(key)
	if !ok {
		return k, false
	}
	if _, ok := takeParts(parts, reflect.ValueOf(&k).Elem()); !ok || c.keyOf(k) != key {
		var none K
		return none, false
	}
	return k, true
}

// takeParts puts a value together of its parts, and returns those that are left. It is the opposite of appendParts.
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
