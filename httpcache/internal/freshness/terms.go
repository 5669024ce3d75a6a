package freshness

import (
	"time"

	"github.com/jollyjet/aside/httpcache/internal/field"
)

// Source says where a lifetime is from.
type Source string

// The sources of a lifetime, the stronger first.
const (
	SMaxAge   Source = "s-maxage"
	MaxAge    Source = "max-age"
	Expires   Source = "expires"
	Route     Source = "route" // the route's TTL
	Heuristic Source = "heuristic"
	None      Source = ""
)

// Explicit reports whether the answer itself named its lifetime.
func (s Source) Explicit() bool { return s == SMaxAge || s == MaxAge || s == Expires }

// Terms are the times of a stored answer. They are computed once; what changes is only the time at which one asks.
type Terms struct {
	Received    time.Time     // when the answer came
	AgeThen     time.Duration // how old it was then: corrected_initial_age of RFC 9111, section 4.2.3
	Lifetime    time.Duration // freshness_lifetime
	Source      Source        // of the lifetime
	AlwaysCheck bool          // no-cache: it is never fresh

	// The time after its lifetime in which it may be served. 0: never.
	StaleWhileRevalidate, StaleIfError time.Duration

	// RefusesStale means that a client's max-stale isn't followed: must-revalidate and its kin, and s-maxage (RFC 9111,
	// section 5.2.2.10).
	RefusesStale bool
}

// Age is what the Age field says at now.
func (t Terms) Age(now time.Time) time.Duration {
	resident := min(max(now.Sub(t.Received), 0), field.MaxDelta)
	return min(t.AgeThen+resident, field.MaxDelta)
}

// TTL is how long the answer is still fresh at now; negative since when it isn't.
func (t Terms) TTL(now time.Time) time.Duration { return t.Lifetime - t.Age(now) }

// Keep is how long after Received the answer may be served at all, stale included. An answer with a validator may be worth
// more: it can be revalidated.
func (t Terms) Keep() time.Duration {
	lifetime := t.Lifetime
	if t.AlwaysCheck {
		lifetime = 0
	}
	return max(lifetime+max(t.StaleWhileRevalidate, t.StaleIfError)-t.AgeThen, 0)
}
