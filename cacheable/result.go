package cacheable

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/store"
)

// result is the answer to a read, possibly to several.
type result[V any] struct {
	value  V
	err    error
	source Source
	age    time.Duration

	payload  []byte // the value encoded; nil if it could not be
	negative bool   // err says that there is nothing, and that may be stored
	keep     bool   // StoreIf agrees
	cost     time.Duration
	taken    atomic.Bool // somebody has got value itself
}

// answer reads a view. It reports false if the view is no answer.
func (c *Cacheable[K, V]) answer(ref *store.Ref, view *store.View) (*result[V], bool) {
	r := &result[V]{age: view.Age()}
	switch view.State {
	case store.Value:
		r.source, r.payload = Hit, view.Payload()
		if c.decode(r.payload, &r.value) {
			return r, true
		}
		view.Discredit()
	case store.Negative:
		if c.notFound != nil {
			r.source, r.err = Negative, &absentError{cache: c.space.Name(), key: ref.String(), accepts: c.notFound}
			return r, true
		}
		view.Discredit()
	}
	if view.State == store.Invalid {
		c.space.CountInvalid(*view)
	}
	return nil, false
}

// decode reports whether a payload could be decoded. A method of the user's that panics is as good as an error.
func (c *Cacheable[K, V]) decode(payload []byte, v *V) (ok bool) {
	defer func() {
		if value := recover(); value != nil {
			c.space.Store().Recovered("codec of "+c.space.Name(), value)
		}
	}()
	return c.codec.Unmarshal(payload, v) == nil
}

// share gives a caller the value of a result that others may get too. The first gets the value itself, the others get
// copies, so that no caller sees what another does to it. It panics if the load did.
func (c *Cacheable[K, V]) share(r *result[V]) (V, error) {
	if p, ok := r.err.(*PanicError); ok { //nolint:errorlint // only the load's own panic, not one that it returned
		panic(p)
	}
	if r.err != nil || c.plain || r.payload == nil || r.taken.CompareAndSwap(false, true) {
		return r.value, r.err
	}
	var copied V
	if !c.decode(r.payload, &copied) {
		return r.value, nil
	}
	return copied, nil
}

// stored is what of the result goes to Redis.
func (c *Cacheable[K, V]) stored(r *result[V]) store.Result {
	s := store.Result{Payload: r.payload, TTL: c.jittered(c.ttl), Cost: r.cost}
	if r.negative {
		s.Negative, s.Payload, s.TTL = true, nil, c.jittered(c.negativeTTL)
	}
	return s
}

// storable reports whether there is anything to store.
func (r *result[V]) storable() bool { return r.negative || r.err == nil && r.keep && r.payload != nil }

// jittered shortens a time to live by a random part.
func (c *Cacheable[K, V]) jittered(ttl time.Duration) time.Duration {
	ttl -= time.Duration(c.jitter * rand.Float64() * float64(ttl))
	return max(ttl.Truncate(time.Millisecond), time.Millisecond)
}
