package cacheable

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/entry"
)

// result is the answer to a read, possibly to several.
type result[V any] struct {
	value  V
	err    error
	source Source
	age    time.Duration

	payload  []byte        // the value encoded; nil if it could not be
	absent   bool          // err says that there is nothing
	negative bool          // and that may be stored
	ttl      time.Duration // 0 if it is not to be stored
	cost     time.Duration
	tags     []string    // that the value has beside those of its key
	taken    atomic.Bool // somebody has got value itself
}

func (r *result[V]) origin() origin { return origin{source: r.source, age: r.age} }

// answer reads a view. It reports false if the view is no answer.
func (c *Cacheable[K, V]) answer(ref *entry.Ref, view *entry.Entry) (*result[V], bool) {
	r := &result[V]{age: view.Age()}
	switch view.State {
	case entry.Value:
		r.source, r.payload = SourceHit, view.Payload()
		if c.decode(r.payload, &r.value) {
			c.large.forget(ref.Key)
			return r, true
		}
		view.Discredit()
	case entry.Stale:
		return nil, false // it takes a load first
	case entry.Negative:
		if c.notFound != nil {
			r.source, r.err = SourceNegative, &absentError{cache: c.space.Name(), key: ref.String(), accepts: c.notFound}
			return r, true
		}
		view.Discredit()
	}
	if view.State == entry.Invalid {
		c.space.CountInvalid(*view)
	}
	return nil, false
}

// fallback returns the answer for when the load fails or takes too long, or nil if there is none.
func (c *Cacheable[K, V]) fallback(view *entry.Entry) *result[V] {
	if c.maxStale == 0 || view.State != entry.Stale || view.Absence() {
		return nil
	}
	r := &result[V]{source: SourceStale, age: view.Age(), payload: view.Payload()}
	if !c.decode(r.payload, &r.value) {
		return nil
	}
	return r
}

// news reports whether the source answered, so that nothing older may be left where the answer is not stored.
func (r *result[V]) news() bool { return r.err == nil || r.absent }

// failed reports whether the source did not answer. A panic is not a failure of the source.
func (r *result[V]) failed() bool {
	_, panicked := r.err.(*PanicError) //nolint:errorlint // see share
	return r.err != nil && !r.absent && r.source != SourceNegative && !panicked
}

// decode reports whether a payload could be decoded. A method of the user's that panics is as good as an error.
func (c *Cacheable[K, V]) decode(payload []byte, v *V) (ok bool) {
	defer func() {
		if value := recover(); value != nil {
			c.space.Lifecycle().Recovered("codec of "+c.space.Name(), value)
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
func (c *Cacheable[K, V]) stored(r *result[V]) entry.Contents {
	s := entry.Contents{Payload: r.payload, TTL: c.jittered(r.ttl), Cost: r.cost, Extra: c.maxStale, Idle: c.idle, Tags: r.tags}
	if r.negative {
		s.Negative, s.Payload, s.TTL, s.Extra, s.Idle, s.Tags = true, nil, c.jittered(c.negativeTTL), 0, 0, nil
	}
	return s
}

// storable reports whether there is anything to store.
func (r *result[V]) storable() bool {
	return r.negative || r.err == nil && r.ttl > 0 && r.payload != nil
}

// jittered shortens a time to live by a random part.
func (c *Cacheable[K, V]) jittered(ttl time.Duration) time.Duration {
	ttl -= time.Duration(c.jitter * rand.Float64() * float64(ttl))
	return max(ttl.Truncate(time.Millisecond), time.Millisecond)
}
