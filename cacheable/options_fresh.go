package cacheable

import (
	"fmt"
	"time"
)

// RefreshAhead loads a value again, in the background, when a read finds that fraction of its time to live is over. One
// process in the fleet does it, no read waits for it, and a load that fails is tried again later, ever more seldom; the
// value stays until its time is over. By default values are loaded only when they are gone.
func RefreshAhead(fraction float64) Option {
	if !(fraction > 0 && fraction < 1) {
		panic(fmt.Sprintf("cacheable: RefreshAhead(%v): use a fraction between 0 and 1, such as 0.8", fraction))
	}
	return func(s *settings) { s.ahead = fraction }
}

// EarlyRefresh is RefreshAhead at random: the closer a value is to its end and the longer its load took, the more likely
// a read is to have it loaded again in the background. With a beta of 1 the expected moment is best for most; more is
// earlier. This is XFetch (Vattani, Chierichetti and Lowenstein: Optimal Probabilistic Cache Stampede Prevention,
// VLDB 2015).
func EarlyRefresh(beta float64) Option {
	if !(beta > 0 && beta <= 1000) {
		panic(fmt.Sprintf("cacheable: EarlyRefresh(%v): use a beta above 0, such as 1", beta))
	}
	return func(s *settings) { s.beta = beta }
}

// FailSafe keeps a value for maxStale beyond its time to live, as an answer for when the loader fails. After a failure
// nobody in the fleet tries to load it again for a second. A value that was evicted is never such an answer; to keep it
// for that purpose, use evict.Expire. [GetInfo] and [WithInfo] tell which answers are stale.
func FailSafe(maxStale time.Duration) Option {
	checkTTL("FailSafe", maxStale)
	return func(s *settings) { s.maxStale = maxStale }
}

// SoftTimeout is how long a read waits for the loader when [FailSafe] has a value to answer with. The load goes on, and
// its result is stored.
func SoftTimeout(d time.Duration) Option {
	if d <= 0 {
		panic(fmt.Sprintf("cacheable: SoftTimeout(%v): use a positive duration", d))
	}
	return func(s *settings) { s.softTimeout = d }
}

// Near keeps up to maxEntries decoded values in this process, each for ttl at most. They are dropped when anybody
// changes the entry in Redis, evicts it or one of its tags, within the delay of the invalidation feed: under a
// millisecond as a rule. While the feed is broken no value is used for longer than a second without asking Redis; a
// connection that dies silently is noticed within two. A process sees its own evictions at once.
//
// Callers share these values, so they must not change them, unless there is a [Clone].
func Near(maxEntries int, ttl time.Duration) Option {
	if maxEntries < 1 {
		panic(fmt.Sprintf("cacheable: Near(%d, ...): use 1 entry or more", maxEntries))
	}
	checkTTL("Near", ttl)
	return func(s *settings) { s.nearSize, s.nearTTL = maxEntries, ttl }
}

// Clone copies a value of [Near] for each caller, for callers that change what they get.
func Clone[V any](clone func(V) V) Option {
	mustNotBeNil("Clone", clone == nil)
	return func(s *settings) { s.clone = clone }
}
