package ratelimit

import (
	"math"
	"time"
)

// Source says who decided.
type Source uint8

// The sources of a decision.
const (
	FromRedis     Source = iota // the shared state
	FromDenyCache               // a denial that this process remembers; see [DenyCache]
	FromLocal                   // the limiter in this process, because Redis is away; see [Local]
	FromFailOpen                // nobody, because Redis is away; see [FailOpen]
)

// Result is the answer to one request for permits.
type Result struct {
	Allowed bool
	Shadow  bool // a denial that [Shadow] turned into an allowance; nothing was charged
	Source  Source

	// The fields below are about one policy. Of several it is the one with the longest wait; if none denies, the one with
	// the fewest permits left.

	Policy     string        // its name; see [Named]
	Limit      int           // permits per window, in the bucket, or at once
	Remaining  int           // permits left now
	RetryAfter time.Duration // until the same request is allowed if nobody else takes a permit before; 0 if it was allowed
	NextAfter  time.Duration // until one permit more is left than Remaining; 0 if none is taken
	ResetAfter time.Duration // until all permits are back if nobody takes any

	// Each has one result for each policy of [All], in its order, and is nil for a single policy.
	Each []Result

	charge  charge
	variant Policy // that decided, if it is not the limiter's own; see PolicyOf
}

// charge is what Refund needs to know.
type charge struct {
	limiter string // its id
	hashTag string
	id      string
	local   uint64  // the id if this process decided
	at      float64 // in microseconds, by the clock of whoever decided
	n       int     // 0 if nothing was charged
}

// later is the result of a moment ago, as seen now.
func (r Result) later(by time.Duration) Result {
	r.Source = FromDenyCache
	r.RetryAfter, r.NextAfter, r.ResetAfter = max(0, r.RetryAfter-by), max(0, r.NextAfter-by), max(0, r.ResetAfter-by)
	each := r.Each
	r.Each = nil
	for _, one := range each {
		r.Each = append(r.Each, one.later(by))
	}
	return r
}

// results is Each, or the result itself.
func (r *Result) results() []Result {
	if r.Each != nil {
		return r.Each
	}
	return []Result{*r}
}

// reading is the state of one part after a decision: how long until the request is allowed, how many permits are left, and
// how long until one more is, and until all are. Times are in microseconds.
type reading struct{ due, left, next, reset float64 }

// readings reads a script's reply: the time, and four numbers for each part.
func readings(reply []int64) []reading {
	read := make([]reading, 0, len(reply)/4)
	for at := 1; at+3 < len(reply); at += 4 {
		read = append(read, reading{float64(reply[at]), float64(reply[at+1]), float64(reply[at+2]), float64(reply[at+3])})
	}
	return read
}

func microseconds(f float64) time.Duration {
	if f > float64(math.MaxInt64/1000) {
		return math.MaxInt64 // a local lease has no end
	}
	return time.Duration(f) * time.Microsecond
}

// assemble makes one result of the readings of all parts. A request for no permits is allowed if a request for one would
// be.
func assemble(parts []part, read []reading, n int, source Source) Result {
	if len(parts) == 1 {
		return single(parts[0], read[0], n, source)
	}
	each := make([]Result, len(parts))
	decides := 0
	for i, p := range parts {
		each[i] = single(p, read[i], n, source)
		if stricter(&each[i], &each[decides]) {
			decides = i
		}
	}
	r := each[decides]
	r.Each = each
	return r
}

func single(p part, read reading, n int, source Source) Result {
	r := Result{
		Allowed: read.due <= 0, Source: source, Policy: p.name, Limit: p.limit, Remaining: int(read.left),
		RetryAfter: microseconds(read.due), NextAfter: microseconds(read.next), ResetAfter: microseconds(read.reset),
	}
	if n == 0 && r.Remaining == 0 {
		r.Allowed, r.RetryAfter = false, r.NextAfter
	}
	return r
}

func stricter(a, b *Result) bool {
	if a.RetryAfter != b.RetryAfter {
		return a.RetryAfter > b.RetryAfter
	}
	if a.Allowed != b.Allowed {
		return b.Allowed
	}
	return a.Remaining < b.Remaining
}
