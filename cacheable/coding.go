package cacheable

import (
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"

	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/fidelity"
)

// coding turns values into bytes and back, and looks at some of them whether they come back as they were. It is immutable, but
// for the number of values that it has seen.
type coding[V any] struct {
	cache   *entry.Cache
	codec   codec.Codec
	rules   fidelity.Rules
	pointer bool              // methods that encode the value, or a part of it, need a pointer
	lossy   bool              // by Lossy
	equal   func(a, b V) bool // nil without Equal
	seen    atomic.Int64      // values that are to be stored
}

func newCoding[V any](cache *entry.Cache, s *settings) *coding[V] {
	t := reflect.TypeFor[V]()
	c := &coding[V]{
		cache: cache, codec: s.codec, rules: fidelity.RulesOf(s.codec.Name()), pointer: fidelity.NeedsPointer(t),
		lossy: s.lossy, equal: typed[func(a, b V) bool](cache.Name(), "Equal", s.equal),
	}
	return c
}

// encode returns the bytes of a value. A panic in a method of the user's is an error.
func (c *coding[V]) encode(value V) (payload []byte, err error) {
	defer recovered(&err)
	if c.pointer {
		return encodePointed(c.codec, value)
	}
	return c.codec.Marshal(value)
}

// encodePointed is a function of its own, so that only values that need it are allocated.
func encodePointed[V any](with codec.Codec, value V) ([]byte, error) { return with.Marshal(&value) }

// decode is the inverse of encode. A panic in a method of the user's is an error.
func (c *coding[V]) decode(payload []byte, v *V) (err error) {
	defer recovered(&err)
	return c.codec.Unmarshal(payload, v)
}

func recovered(err *error) {
	if value := recover(); value != nil {
		*err = &codecPanicError{value}
	}
}

// codecPanicError is a panic in a codec, or in a method that it calls.
type codecPanicError struct{ value any }

func (e *codecPanicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// decodePanic returns the panic that an error of decode stands for.
func decodePanic(err error) (value any, ok bool) {
	var p *codecPanicError
	if errors.As(err, &p) {
		return p.value, true
	}
	return nil, false
}
