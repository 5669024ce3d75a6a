package fidelity

import "reflect"

// Loss is a part of a type that does not come back from the codec.
type Loss struct {
	Path  string // such as .Items[].hash; empty for the value itself
	Why   string // such as "is unexported"
	Whole bool   // a value that has such a part can't be encoded at all
}

func (l Loss) String() string {
	if l.Path == "" {
		return "the value " + l.Why
	}
	return l.Path + " " + l.Why
}

// maxLosses bounds how many parts are named; the first ones tell the story.
const maxLosses = 5

// Lost returns what of values of a type the codec does not give back, as far as the type tells. Interfaces hide their values;
// types that encode themselves are trusted. Each type is named once. It returns nothing for a codec that is not known.
func (r *Rules) Lost(t reflect.Type, addressable bool) []Loss {
	if r.codec == "" {
		return nil
	}
	w := &walk{rules: r, seen: make(map[reflect.Type]bool)}
	w.visit(t, "", addressable)
	return w.found
}

type walk struct {
	rules *Rules
	seen  map[reflect.Type]bool
	found []Loss
}

func (w *walk) add(l Loss) {
	if len(w.found) < maxLosses {
		w.found = append(w.found, l)
	}
}

func (w *walk) visit(t reflect.Type, path string, addressable bool) {
	if w.rules.encodesItself(t, addressable) || w.seen[t] {
		return
	}
	w.seen[t] = true
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		w.add(Loss{Path: path, Why: "is a " + t.Kind().String(), Whole: true})
	case reflect.Pointer:
		w.visit(t.Elem(), path, true)
	case reflect.Slice:
		w.visit(t.Elem(), path+"[]", true)
	case reflect.Array:
		w.visit(t.Elem(), path+"[]", addressable)
	case reflect.Map:
		if w.rules.codec == "json" && !isJSONKey(t.Key()) {
			w.add(Loss{Path: path, Why: "is a map whose keys are neither texts nor integers", Whole: true})
			return
		}
		w.visit(t.Elem(), path+"[]", false)
	case reflect.Struct:
		w.fields(t, path, addressable)
	}
}

func (w *walk) fields(t reflect.Type, path string, addressable bool) {
	for f := range t.Fields() {
		if idle(&f) {
			continue
		}
		if why := w.rules.dropped(&f); why != "" {
			w.add(Loss{Path: path + "." + f.Name, Why: why})
			continue
		}
		w.visit(f.Type, path+"."+f.Name, addressable)
	}
}

// isJSONKey reports whether encoding/json takes keys of the type.
func isJSONKey(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	default:
		return t.Implements(textMarshaler)
	}
}
