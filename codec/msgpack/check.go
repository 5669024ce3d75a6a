package msgpack

import (
	"fmt"

	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/jollyjet/aside/codec"
)

// maxDepth is the nesting that encoding/json allows too. Decoding recurses, and
// an exhausted stack cannot be recovered from.
const maxDepth = 10_000

// check returns nil when data is exactly one well-formed value, which makes
// every length in it truthful: decoding then cannot allocate more than a
// multiple of len(data).
func check(data []byte) error {
	w := walker{rest: data}
	if err := w.value(0); err != nil {
		return err
	}
	if n := len(w.rest); n > 0 {
		return fmt.Errorf("msgpack: %w: %d bytes after the value", codec.ErrCorrupt, n)
	}
	return nil
}

var errShort = fmt.Errorf("msgpack: %w: data ends inside a value", codec.ErrCorrupt)

type walker struct{ rest []byte }

// value skips one value.
func (w *walker) value(depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("msgpack: %w: nested deeper than %d", codec.ErrCorrupt, maxDepth)
	}
	if len(w.rest) == 0 {
		return errShort
	}
	code := w.rest[0]
	w.rest = w.rest[1:]

	switch {
	case msgpcode.IsFixedNum(code):
		return nil
	case msgpcode.IsFixedMap(code):
		return w.values(2*uint64(code&msgpcode.FixedMapMask), depth)
	case msgpcode.IsFixedArray(code):
		return w.values(uint64(code&msgpcode.FixedArrayMask), depth)
	case msgpcode.IsFixedString(code):
		return w.bytes(uint64(code & msgpcode.FixedStrMask))
	}
	return w.shaped(code, depth)
}

// shaped skips the data after a code between 0xc0 and 0xdf.
func (w *walker) shaped(code byte, depth int) error {
	s := shapes[code]
	if !s.known {
		return fmt.Errorf("msgpack: %w: unknown code %#x", codec.ErrCorrupt, code)
	}
	var length uint64
	if len(w.rest) < s.lenBytes {
		return errShort
	}
	for _, b := range w.rest[:s.lenBytes] {
		length = length<<8 | uint64(b)
	}
	w.rest = w.rest[s.lenBytes:]

	if s.perItem > 0 {
		return w.values(length*s.perItem, depth)
	}
	return w.bytes(length + s.fixed)
}

func (w *walker) values(n uint64, depth int) error {
	// Each value takes at least a byte, so a list longer than the data is
	// corrupt. There is no need to read to its end.
	if n > uint64(len(w.rest)) {
		return errShort
	}
	for range n {
		if err := w.value(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) bytes(n uint64) error {
	if n > uint64(len(w.rest)) {
		return errShort
	}
	w.rest = w.rest[n:]
	return nil
}

// shape describes the data after a code: a big-endian length of lenBytes bytes, then
// either length*perItem values, or length+fixed bytes.
type shape struct {
	known    bool
	lenBytes int
	fixed    uint64
	perItem  uint64
}

// shapes is indexed by the code. An extension has a type byte after its
// length, which is the one fixed byte of its three variable forms.
var shapes = [256]shape{
	0xc0: {known: true},                          // nil
	0xc2: {known: true},                          // false
	0xc3: {known: true},                          // true
	0xc4: {known: true, lenBytes: 1},             // bin 8
	0xc5: {known: true, lenBytes: 2},             // bin 16
	0xc6: {known: true, lenBytes: 4},             // bin 32
	0xc7: {known: true, lenBytes: 1, fixed: 1},   // ext 8
	0xc8: {known: true, lenBytes: 2, fixed: 1},   // ext 16
	0xc9: {known: true, lenBytes: 4, fixed: 1},   // ext 32
	0xca: {known: true, fixed: 4},                // float 32
	0xcb: {known: true, fixed: 8},                // float 64
	0xcc: {known: true, fixed: 1},                // uint 8
	0xcd: {known: true, fixed: 2},                // uint 16
	0xce: {known: true, fixed: 4},                // uint 32
	0xcf: {known: true, fixed: 8},                // uint 64
	0xd0: {known: true, fixed: 1},                // int 8
	0xd1: {known: true, fixed: 2},                // int 16
	0xd2: {known: true, fixed: 4},                // int 32
	0xd3: {known: true, fixed: 8},                // int 64
	0xd4: {known: true, fixed: 2},                // fixext 1
	0xd5: {known: true, fixed: 3},                // fixext 2
	0xd6: {known: true, fixed: 5},                // fixext 4
	0xd7: {known: true, fixed: 9},                // fixext 8
	0xd8: {known: true, fixed: 17},               // fixext 16
	0xd9: {known: true, lenBytes: 1},             // str 8
	0xda: {known: true, lenBytes: 2},             // str 16
	0xdb: {known: true, lenBytes: 4},             // str 32
	0xdc: {known: true, lenBytes: 2, perItem: 1}, // array 16
	0xdd: {known: true, lenBytes: 4, perItem: 1}, // array 32
	0xde: {known: true, lenBytes: 2, perItem: 2}, // map 16
	0xdf: {known: true, lenBytes: 4, perItem: 2}, // map 32
}
