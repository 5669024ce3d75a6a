package cacheable

import (
	"github.com/jollyjet/aside/internal/entry"
)

// answer returns the answer that an entry gives. It reports false if the entry is no answer.
func (e *entries[K, V]) answer(ref *entry.Ref, found *entry.Entry) (*result[V], bool) {
	r := &result[V]{age: found.Age()}
	switch found.State {
	case entry.Value:
		r.source, r.payload = SourceHit, found.Payload()
		if e.decode(r.payload, &r.value) {
			e.size.forget(ref.Key)
			return r, true
		}
		e.unstorable.suspect(ref.Key)
		found.Discredit()
	case entry.Stale:
		return nil, false // a load must fail first
	case entry.Negative:
		if accepts := e.notFound.accept; accepts != nil {
			r.source, r.err = SourceNegative, &absentError{cache: e.cache.Name(), key: ref.String(), accepts: accepts}
			return r, true
		}
		found.Discredit()
	}
	if found.State == entry.Invalid {
		e.cache.CountInvalid(*found)
	}
	return nil, false
}

// decode reports whether a payload could be decoded.
func (e *entries[K, V]) decode(payload []byte, v *V) bool {
	err := e.coding.decode(payload, v)
	if err == nil {
		return true
	}
	if value, ok := decodePanic(err); ok {
		e.cache.Lifecycle().Recovered("codec of "+e.cache.Name(), value)
	}
	return false
}

// share gives a caller the value of a result that others may get too. The first caller gets the value itself, the
// others get copies, so that no caller sees what another does to it. It panics if the load did.
func (e *entries[K, V]) share(r *result[V]) (V, error) {
	if p := r.panicked(); p != nil {
		panic(p)
	}
	if r.err != nil || e.plain || r.payload == nil || r.taken.CompareAndSwap(false, true) {
		return r.value, r.err
	}
	var copied V
	if !e.decode(r.payload, &copied) {
		return r.value, nil
	}
	return copied, nil
}
