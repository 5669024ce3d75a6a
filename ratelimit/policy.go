package ratelimit

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"
)

// Policy says how much is allowed. Policies are values without state, so limiters may share one. They are made by
// [SlidingWindow], [TokenBucket], [FixedWindow], [Concurrency], [All] and [ParsePolicy].
type Policy interface {
	// String is the policy in the form that [ParsePolicy] reads.
	String() string

	parts() []part
}

const (
	maxLimit = 1_000_000_000
	maxExact = 10_000
	maxTimes = 20 // from here on a steady client gets 95 % of the limit from a counter, which is cheaper
	maxSlots = 1_000
	minSpan  = time.Millisecond
	maxSpan  = 366 * 24 * time.Hour
)

func checkLimit(call string, limit, most int) {
	if limit < 1 || limit > most {
		panic(fmt.Sprintf("ratelimit: %s: use a limit from 1 to %d", call, most))
	}
}

func checkSpan(call, what string, d time.Duration) {
	if d < minSpan || d > maxSpan || d%time.Microsecond != 0 {
		panic(fmt.Sprintf("ratelimit: %s: use a %s from %v to %v, in whole microseconds", call, what, minSpan, maxSpan))
	}
}

// Sliding is the policy that [SlidingWindow] returns. Its methods trade memory or speed for a better bound.
type Sliding struct{ part }

// SlidingWindow allows limit permits in any window. It is the default choice: one string per key. Up to a limit of 20 the
// string has the time of each permit, so the limit is exact: never more, and never fewer, as with [Sliding.Exact]. It has at
// most 20 numbers, 312 bytes with all that Redis adds. Above 20 it is as near as two counters can tell; see [Sliding.Counter].
//
// The limit is from 1 to 1,000,000,000, the window from 1 ms to 366 days.
func SlidingWindow(limit int, window time.Duration) Sliding {
	call := fmt.Sprintf("SlidingWindow(%d, %v)", limit, window)
	checkLimit(call, limit, maxLimit)
	checkSpan(call, "window", window)
	p := part{algorithm: slidingCounter, name: "sliding-" + short(window), limit: limit, span: window, unit: micros(window)}
	if limit <= maxTimes {
		p.algorithm, p.unit, p.slots = slidingTimes, 1, window.Microseconds()-1
	}
	return Sliding{p}
}

// Counter uses two counters, whatever the limit. One counts the current window of the clock; the other counts the window
// before, weighted by how much of it still lies within the sliding window. The price of 30 bytes is that both are guesses.
//
// Worst case: 2*limit-1 in a window, for a caller who spends the whole limit at the end of one window of the clock and
// continues steadily in the next. Random traffic of one and a half times the limit has reached 1.33*limit. A caller who
// spaces permits evenly gets (limit-1)/limit of them, one of a limit of 1 half; one who takes the whole limit at once, a window
// apart, gets half. If that is too much or too little use [Sliding.Strict] or [Sliding.Exact].
//
// Source: the counter described by Cloudflare in "How we built rate limiting capable of scaling to millions of domains"
// (2017). The error rate given there is a statistic of their traffic and no bound.
func (s Sliding) Counter() Sliding {
	s.algorithm, s.name, s.slots, s.unit = plainCounter, "counter-"+short(s.span), 0, micros(s.span)
	return s
}

// Exact remembers the time of each permit.
//
// Worst case: limit in any window, and never fewer than limit. The price is memory, about 120 bytes for each permit of
// the last window, so the limit is at most 10,000.
func (s Sliding) Exact() Sliding {
	checkLimit(s.String()+".Exact()", s.limit, maxExact)
	s.algorithm, s.name, s.slots, s.unit = slidingLog, "exact-"+short(s.span), 0, micros(s.span)
	return s
}

// Strict cuts the window into buckets, and counts the oldest in full while any of it lies within the window. Use 10 to 60
// buckets.
//
// Worst case: limit in any window. The price is that a permit comes back up to window/buckets late, so traffic at the limit
// gets limit permits in window*(1+1/buckets), and one who takes the whole limit at once, a window apart, gets half. Memory: about 6 bytes for each bucket in use.
func (s Sliding) Strict(buckets int) Sliding {
	if buckets < 1 || buckets > maxSlots {
		panic(fmt.Sprintf("ratelimit: Strict(%d): use 1 to %d buckets", buckets, maxSlots))
	}
	s.algorithm, s.name, s.slots = slidingBuckets, "strict-"+short(s.span), int64(buckets)
	s.unit = math.Ceil(micros(s.span) / float64(buckets))
	return s
}

func (s Sliding) String() string { return s.part.String() }

// FixedWindow allows limit permits in each window of the clock: the cheapest policy, and the easiest to explain.
//
// Worst case: 2*limit in a window, half of them at the end of one window of the clock and half at the start of the next.
// The limit is from 1 to 1,000,000,000, the window from 1 ms to 366 days. Windows begin at multiples of their length since
// 1970, UTC.
func FixedWindow(limit int, window time.Duration) Policy {
	call := fmt.Sprintf("FixedWindow(%d, %v)", limit, window)
	checkLimit(call, limit, maxLimit)
	checkSpan(call, "window", window)
	return part{algorithm: fixedWindow, name: "fixed-" + short(window), limit: limit, span: window, unit: micros(window)}
}

// TokenBucket allows permits at a rate, and up to burst of them at once after a pause. Use it to shape traffic: permits
// come back one by one and not all at once.
//
// Worst case: burst + rate*t in any time t. So burst = limit at a rate of limit per window gives 2*limit in a window. For
// never more than limit in a window, the rate must be limit-burst per window.
//
// The rate is from one in 366 days to 1,000,000 a second; the time between two permits is rounded up to a quarter of a
// microsecond. The burst is from 1 to 1,000,000,000, and the whole bucket must refill within 366 days. Source: the
// generic cell rate algorithm, ITU-T I.371 (2004), section A.
func TokenBucket(rate Rate, burst int) Policy {
	call := fmt.Sprintf("TokenBucket(%v, %d)", rate, burst)
	checkLimit(call, burst, maxLimit)
	between := rate.period()
	if !(rate > 0 && rate <= 1e6) || between*float64(burst) > micros(maxSpan) {
		panic("ratelimit: " + call + ": use a rate up to 1000000 a second that fills the bucket within " + short(maxSpan))
	}
	fill := time.Duration(math.Ceil(between*float64(burst))) * time.Microsecond
	return part{algorithm: tokenBucket, name: "bucket", limit: burst, span: fill, unit: between}
}

// Concurrency allows n at once. A permit is a lease: [Limiter.Acquire], the middleware and [Limit] renew it three times in
// each lease while the work lasts, and give it back after it. The lease is how long the permit of a process that died stays
// taken.
//
// Worst case: n at once. If Redis loses leases (a failover, a full memory), or a process can't reach it for longer than the
// lease, others get their places. When the holders reach Redis again they take back what is free, and the others are told to
// stop; see [Limiter.AcquireContext]. So up to 2n run for a third of a lease, and as long as it takes them to stop. RetryAfter is
// when the next lease ends unless it is renewed. A permit may come back earlier, or later if its holder lives.
//
// n is from 1 to 10,000, the lease from 1 ms to 366 days; ten seconds to a minute suit most work.
func Concurrency(n int, lease time.Duration) Policy {
	call := fmt.Sprintf("Concurrency(%d, %v)", n, lease)
	checkLimit(call, n, maxExact)
	checkSpan(call, "lease", lease)
	return part{algorithm: leases, name: "concurrency", limit: n, span: lease, unit: micros(lease)}
}

var policyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$`)

// Named gives a policy the name that it has in headers, problem details, results and keys. The default is its algorithm and
// window, such as "sliding-1m". A name consists of up to 50 letters, digits and . _ -
func Named(name string, policy Policy) Policy {
	if !policyName.MatchString(name) {
		panic(fmt.Sprintf("ratelimit: Named(%q): use up to 50 letters, digits and . _ -, the first a letter or digit", name))
	}
	parts := policy.parts()
	if len(parts) != 1 {
		panic(fmt.Sprintf("ratelimit: Named(%q): name each policy of All", name))
	}
	p := parts[0]
	p.name = name
	return p
}

type all []part

// All is several policies for the same key, such as 10 a second and 1,000 a day. A request is allowed if all allow it,
// and only then charged, in one step. Their names must differ.
func All(policies ...Policy) Policy {
	var parts all
	seen := map[string]bool{}
	for _, policy := range policies {
		for _, p := range policy.parts() {
			if seen[p.name] {
				panic(fmt.Sprintf("ratelimit: All: two policies are named %q; use Named", p.name))
			}
			seen[p.name] = true
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 || len(parts) > maxParts {
		panic(fmt.Sprintf("ratelimit: All: use 1 to %d policies", maxParts))
	}
	return parts
}

const maxParts = 16

func (a all) parts() []part { return a }

func (a all) String() string {
	texts := make([]string, len(a))
	for i, p := range a {
		texts[i] = p.String()
	}
	return strings.Join(texts, " + ")
}
