package cacheable

import (
	"context"
	"fmt"
	"time"

	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/internal/setup"
)

const checks setup.Package = "cacheable"

// Option changes a default of [New]. Options that take a function infer its types; New panics if they differ from the
// types of the cache.
type Option func(*settings)

// settings are what the options say. The option of a behaviour is declared in the file of that behaviour; the ones in
// this file concern every entry.
type settings struct {
	ttl          time.Duration
	jitter       float64
	notFound     notFound
	key          any // func(K) string
	tags         any // func(K) []string
	valueTags    any // func(K, V) []string
	storeIf      any // func(K, V) bool
	ttlOf        any // func(K, V) time.Duration
	codec        codec.Codec
	schema       string // in place of the fingerprint of the value's type
	equal        any    // func(V, V) bool
	lossy        bool
	shared       bool // the name, with other caches of the store
	maxLoads     int  // 0 is no bound
	maxBatch     int  // 0 is no bound
	maxBytes     int  // of a payload; 0 is no bound
	hardTimeout  time.Duration
	softTimeout  time.Duration
	maxStale     time.Duration
	failSafeOf   any // func(K, V) time.Duration
	revalidate   time.Duration
	revalidateOf any           // func(K, V) time.Duration
	reload       any           // func(context.Context, K, V) (V, error)
	baseFor      time.Duration // how long an old value is kept for reload
	ahead        float64       // fraction of the time to live
	beta         float64
	idle         time.Duration
	nearSize     int
	nearTTL      time.Duration
	clone        any // func(V) V
	bypass       func(context.Context) bool
}

// notFound is what NotFound says.
type notFound struct {
	accept func(error) bool // nil if absences are not cached
	ttl    time.Duration
}

// newSettings applies the options to the defaults.
func newSettings(name string, options []Option) settings {
	s := settings{ttl: 5 * time.Minute, jitter: 0.1, codec: codec.JSON()}
	for i, option := range options {
		if option == nil {
			panic(fmt.Sprintf("cacheable: New(%q): option %d is nil; leave it out", name, i+1))
		}
		option(&s)
	}
	if s.softTimeout > 0 && s.maxStale == 0 && s.failSafeOf == nil {
		panic(fmt.Sprintf("cacheable: New(%q): SoftTimeout needs FailSafe or FailSafeOf, which keeps the values that it answers with", name))
	}
	return s
}

// maxTTL keeps arithmetic on times to live far from overflow.
const maxTTL = 10 * 365 * 24 * time.Hour

// TTL sets how long a value is kept. The default is 5 minutes. It is at least a millisecond and at most ten years.
func TTL(d time.Duration) Option {
	checkTTL("TTL", d)
	return func(s *settings) { s.ttl = d }
}

// Jitter shortens each time to live by a random part of it, up to fraction, so that values that were stored together do
// not expire together. The default is 0.1; 0 switches it off.
func Jitter(fraction float64) Option {
	if !(fraction >= 0 && fraction < 1) {
		panic(fmt.Sprintf("cacheable: Jitter(%v): use a fraction from 0 to less than 1", fraction))
	}
	return func(s *settings) { s.jitter = fraction }
}

// TTLOf gives a value its own time to live in place of [TTL]. Jitter applies to it. A result below a millisecond means
// that the value is not stored.
func TTLOf[K comparable, V any](ttl func(K, V) time.Duration) Option {
	checks.NotNil("TTLOf", ttl == nil)
	return func(s *settings) { s.ttlOf = ttl }
}

// Tags returns the tags of an argument, for evict.Tags and evict.ByTag. Every read checks them in the same round trip,
// so evicting a tag takes effect at once on every node.
func Tags[K comparable](tags func(K) []string) Option {
	checks.NotNil("Tags", tags == nil)
	return func(s *settings) { s.tags = tags }
}

// TagsOf returns the tags of a loaded value, such as the category of a product, in addition to those of [Tags].
// Evicting such a tag takes effect at once on the node that evicts it. Other nodes follow within the delay of the
// invalidation feed: usually under a millisecond, or a second where there is no feed. With store.Strict it takes effect
// at once everywhere, at the price of one more round trip for every read. A value whose load overlaps the eviction of
// one of its tags is not stored. A cached absence has no tags of this kind.
//
// Storing a value takes two more round trips, and evicting a tag takes one more.
func TagsOf[K comparable, V any](tags func(K, V) []string) Option {
	checks.NotNil("TagsOf", tags == nil)
	return func(s *settings) { s.valueTags = tags }
}

// StoreIf decides whether a loaded value is stored. By default all values are. A value that is not stored still ends
// the life of the one that was cached before.
func StoreIf[K comparable, V any](store func(K, V) bool) Option {
	checks.NotNil("StoreIf", store == nil)
	return func(s *settings) { s.storeIf = store }
}

// Codec encodes the values. The default is codec.JSON().
func Codec(c codec.Codec) Option {
	checks.NotNil("Codec", c == nil)
	return func(s *settings) { s.codec = c }
}

// Bypass decides, from a read's context, that the read uses the loader alone: the cache is neither asked nor filled.
func Bypass(bypass func(context.Context) bool) Option {
	checks.NotNil("Bypass", bypass == nil)
	return func(s *settings) { s.bypass = bypass }
}

func checkTTL(option string, d time.Duration) {
	if d < time.Millisecond || d > maxTTL {
		panic(fmt.Sprintf("cacheable: %s: a time to live of %v: use one from 1ms to %v", option, d, maxTTL))
	}
}

// typed returns the function given to an option, or its zero value if the option was not given.
func typed[F any](cache, option string, given any) F {
	return setup.Typed[F](checks, fmt.Sprintf("New(%q)", cache), option, given)
}
