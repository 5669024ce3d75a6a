package cacheable

import (
	"context"
	"fmt"
	"time"

	"github.com/jollyjet/aside/codec"
)

// Option changes a default of [New]. Those that take a function infer its types; New panics if they are not those of
// the cache.
type Option func(*settings)

type settings struct {
	ttl         time.Duration
	jitter      float64
	notFound    func(error) bool
	negativeTTL time.Duration
	key         any // func(K) string
	tags        any // func(K) []string
	valueTags   any // func(K, V) []string
	storeIf     any // func(K, V) bool
	codec       codec.Codec
	maxLoads    int
	maxBatch    int
	maxBytes    int // of a payload; 0 is no bound
	hardTimeout time.Duration
	softTimeout time.Duration
	maxStale    time.Duration
	ahead       float64 // fraction of the time to live
	beta        float64
	idle        time.Duration
	nearSize    int
	nearTTL     time.Duration
	clone       any // func(V) V
	ttlOf       any // func(K, V) time.Duration
	bypass      func(context.Context) bool
	schema      string // in place of the fingerprint of the type
}

func defaults() settings {
	return settings{ttl: 5 * time.Minute, jitter: 0.1, codec: codec.JSON()}
}

// maxTTL keeps arithmetic on times to live far from overflow.
const maxTTL = 10 * 365 * 24 * time.Hour

// TTL is how long a value is kept. The default is 5 minutes; it is at least a millisecond and at most ten years.
func TTL(d time.Duration) Option {
	checkTTL("TTL", d)
	return func(s *settings) { s.ttl = d }
}

// Jitter makes each time to live shorter by a random part of it, up to fraction, so that values that were stored
// together do not expire together. The default is 0.1; 0 switches it off.
func Jitter(fraction float64) Option {
	if !(fraction >= 0 && fraction < 1) {
		panic(fmt.Sprintf("cacheable: Jitter(%v): use a fraction from 0 to less than 1", fraction))
	}
	return func(s *settings) { s.jitter = fraction }
}

// NotFound caches, for ttl, that the source has nothing: a load whose error is accepted is not repeated until then.
// The callers of that load get its error as it is. Those who find the absence in the cache get an error that errors.Is
// matches with whatever is accepted, so errors.Is(err, sql.ErrNoRows) holds for both; errors.As finds nothing in the
// latter, and a comparison with == fails.
func NotFound(accept func(error) bool, ttl time.Duration) Option {
	if accept == nil {
		panic("cacheable: NotFound(nil, ...): use a func such as func(err error) bool { return errors.Is(err, ErrNoRows) }")
	}
	checkTTL("NotFound", ttl)
	return func(s *settings) { s.notFound, s.negativeTTL = accept, ttl }
}

// Key makes the key of an argument. It is needed for arguments that are not strings, integers, booleans, arrays or
// structs of them. Two arguments with the same key share an entry.
func Key[K comparable](key func(K) string) Option {
	mustNotBeNil("Key", key == nil)
	return func(s *settings) { s.key = key }
}

// Tags gives the tags of an argument, for evict.Tags and evict.ByTag. They are checked with every read, in the same
// round trip, so an evicted tag is effective at once on every node.
func Tags[K comparable](tags func(K) []string) Option {
	mustNotBeNil("Tags", tags == nil)
	return func(s *settings) { s.tags = tags }
}

// TagsOf gives the tags of a loaded value, such as the category that a product is in, in addition to those of [Tags]. An
// evicted tag is effective at once on the node that evicted it, and on others within the delay of the invalidation feed:
// under a millisecond as a rule, a second where there is no feed. With store.Strict it is at once everywhere, for one
// more round trip with every read. A value whose load overlaps the eviction of one of its tags is not stored. An absence
// has no tags of this kind.
//
// Storing takes two more round trips, and so does the eviction of a tag take one more.
func TagsOf[K comparable, V any](tags func(K, V) []string) Option {
	mustNotBeNil("TagsOf", tags == nil)
	return func(s *settings) { s.valueTags = tags }
}

// StoreIf decides whether a loaded value is stored. By default all are. One that is not ends the life of the one that was
// there before.
func StoreIf[K comparable, V any](store func(K, V) bool) Option {
	mustNotBeNil("StoreIf", store == nil)
	return func(s *settings) { s.storeIf = store }
}

// Codec encodes the values. The default is codec.JSON().
func Codec(c codec.Codec) Option {
	mustNotBeNil("Codec", c == nil)
	return func(s *settings) { s.codec = c }
}

// MaxConcurrentLoads bounds how many loads of this cache run at the same time in this process; others wait. A loader
// that goes on after [HardTimeout] still counts. A loader that reads from its own cache needs a bound above the depth
// to which it does. The default, 0, is no bound.
func MaxConcurrentLoads(n int) Option {
	if n < 0 {
		panic(fmt.Sprintf("cacheable: MaxConcurrentLoads(%d): use 1 or more, or 0 for no bound", n))
	}
	return func(s *settings) { s.maxLoads = n }
}

// MaxBatch bounds how many keys a loader of [NewMany] is asked for at once; more are asked for in several calls, one
// after the other. The default, 0, is no bound.
func MaxBatch(n int) Option {
	if n < 0 {
		panic(fmt.Sprintf("cacheable: MaxBatch(%d): use 1 or more, or 0 for no bound", n))
	}
	return func(s *settings) { s.maxBatch = n }
}

// HardTimeout bounds how long a load may take: its context ends then, and those who wait get an error that wraps
// [ErrTimeout] even if the loader goes on. The default, 0, is no bound.
func HardTimeout(d time.Duration) Option {
	if d < 0 {
		panic(fmt.Sprintf("cacheable: HardTimeout(%v): use a positive duration, or 0 for no bound", d))
	}
	return func(s *settings) { s.hardTimeout = d }
}

// TTLOf gives a value its own time to live in place of [TTL]. Jitter applies to it. A result below a millisecond means
// that the value is not stored.
func TTLOf[K comparable, V any](ttl func(K, V) time.Duration) Option {
	mustNotBeNil("TTLOf", ttl == nil)
	return func(s *settings) { s.ttlOf = ttl }
}

// Bypass decides, from a read's context, that it goes to the loader alone: the cache is neither asked nor filled.
func Bypass(bypass func(context.Context) bool) Option {
	mustNotBeNil("Bypass", bypass == nil)
	return func(s *settings) { s.bypass = bypass }
}

// Schema names the version of the values' encoding. Entries of another version are misses. By default it is a
// fingerprint of the type, so that a changed struct needs no attention; with Schema it is up to the user to change the
// version when old entries must not be read any more. The codec's name is part of it in any case.
func Schema[T ~string | ~int | ~int32 | ~int64 | ~uint | ~uint32 | ~uint64](version T) Option {
	return func(s *settings) { s.schema = fmt.Sprintf("version %v", version) }
}

func checkTTL(option string, d time.Duration) {
	if d < time.Millisecond || d > maxTTL {
		panic(fmt.Sprintf("cacheable: %s: a time to live of %v: use one from 1ms to %v", option, d, maxTTL))
	}
}

func mustNotBeNil(option string, isNil bool) {
	if isNil {
		panic(fmt.Sprintf("cacheable: %s(nil): leave the option out", option))
	}
}

// typed returns the function of an option, or its zero value if the option was not given.
func typed[F any](cache, option string, given any) F {
	f, ok := given.(F)
	if !ok && given != nil {
		panic(fmt.Sprintf("cacheable: New(%q): %s is a %T, want a %T", cache, option, given, f))
	}
	return f
}
