package fidelity

import (
	"encoding"
	"encoding/json"
	"math/big"
	"reflect"
	"strings"
	"time"
)

// Rules say which parts of a value a codec sees.
type Rules struct {
	codec      string         // of the bytes, without what compresses them; empty if nothing is known of it
	tags       []string       // the keys of field tags, the first that is set counts
	marshalers []reflect.Type // what the methods are with which a type encodes itself
	copies     bool           // a value is copied to call methods of its pointer
}

var (
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	binaryMarshaler = reflect.TypeFor[encoding.BinaryMarshaler]()
	cborMarshaler   = reflect.TypeFor[interface{ MarshalCBOR() ([]byte, error) }]()
	msgpackMethod   = reflect.TypeFor[interface{ MarshalMsgpack() ([]byte, error) }]()
	gobEncoder      = reflect.TypeFor[interface{ GobEncode() ([]byte, error) }]()
)

// RulesOf returns those of a codec with the given name, such as "zstd(json)". Of a codec that is not one of this module
// nothing is known but what comparing shows.
func RulesOf(name string) Rules {
	inner := strings.TrimRight(name[strings.LastIndexByte(name, '(')+1:], ")")
	switch inner {
	case "json":
		return Rules{codec: inner, tags: []string{"json"}, marshalers: []reflect.Type{jsonMarshaler, textMarshaler}}
	case "msgpack":
		return Rules{
			codec: inner, tags: []string{"msgpack", "json"},
			marshalers: []reflect.Type{msgpackMethod, binaryMarshaler, textMarshaler},
		}
	case "cbor":
		return Rules{
			codec: inner, tags: []string{"cbor", "json"}, copies: true,
			marshalers: []reflect.Type{cborMarshaler, binaryMarshaler, textMarshaler},
		}
	default:
		return Rules{}
	}
}

// encodesItself reports whether the codec calls a method of the type in place of encoding its parts. Methods of pointers are
// called if the value can be pointed to.
func (r *Rules) encodesItself(t reflect.Type, addressable bool) bool {
	if t.Kind() == reflect.Interface {
		return false
	}
	if r.codec != "json" && t == reflect.TypeFor[time.Time]() || r.codec == "cbor" && t == reflect.TypeFor[big.Int]() {
		return true
	}
	for _, m := range r.marshalers {
		if t.Implements(m) || (addressable || r.copies) && reflect.PointerTo(t).Implements(m) {
			return true
		}
	}
	return r.codec == "msgpack" && hasEncodeMsgpack(t, addressable)
}

func hasEncodeMsgpack(t reflect.Type, addressable bool) bool {
	if addressable {
		t = reflect.PointerTo(t)
	}
	_, ok := t.MethodByName("EncodeMsgpack")
	return ok
}

// dropped reports why the codec leaves out a field, or "".
func (r *Rules) dropped(f *reflect.StructField) string {
	for _, key := range r.tags {
		tag := f.Tag.Get(key)
		if tag == "" {
			continue
		}
		if name, options, _ := strings.Cut(tag, ","); name == "-" && (options == "" && tag == "-" || r.codec == "msgpack") {
			return "has the tag " + key + `:"` + tag + `"`
		}
		break
	}
	if f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct {
		return ""
	}
	return "is unexported"
}

// idle reports whether a field holds nothing that could be lost: padding, markers, locks.
func idle(f *reflect.StructField) bool {
	return f.Name == "_" || f.Type.Size() == 0 || f.Type.PkgPath() == "sync"
}

// NeedsPointer reports whether a value of the type has a part that encodes itself with a method of its pointer, and can be
// pointed to only if the value can. Elements of slices and what pointers point to always can; elements of maps never can.
func NeedsPointer(t reflect.Type) bool {
	if onlyItsPointerEncodes(t) {
		return true
	}
	switch t.Kind() {
	case reflect.Array:
		return NeedsPointer(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if NeedsPointer(f.Type) {
				return true
			}
		}
	}
	return false
}

func onlyItsPointerEncodes(t reflect.Type) bool {
	if t.Name() == "" || t.Kind() == reflect.Interface {
		return false
	}
	p := reflect.PointerTo(t)
	for _, m := range []reflect.Type{jsonMarshaler, textMarshaler, binaryMarshaler, cborMarshaler, msgpackMethod, gobEncoder} {
		if p.Implements(m) && !t.Implements(m) {
			return true
		}
	}
	return hasEncodeMsgpack(t, true) && !hasEncodeMsgpack(t, false)
}
