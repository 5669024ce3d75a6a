package ratelimit

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"
)

// Policy says how much is allowed. Policies are values without state: one may be used by any number of limiters. They
// are made by [SlidingWindow], [TokenBucket], [FixedWindow], [Concurrency], [All] and [ParsePolicy].
type Policy interface {
	// String is the policy in the form that [ParsePolicy] reads.
	String() string

	parts() []part
}

// kind is an algorithm: the names of its Lua files, and its meter in Go for when Redis is away.
type kind struct {
	word   string // in policies written as text
	code   string // in keys; state of one kind is never read as that of another
	meter  string // file and function
	helper string // a file that it needs
	refund string
	local  func(part) meter
	window bool // it has a window, and so a "w" in RateLimit-Policy
}

// part is one policy, reduced to what its algorithm needs.
type part struct {
	kind  *kind
	name  string
	limit int           // permits per window, in the bucket, or at once
	span  time.Duration // window or lease
	slots int           // of Strict
	unit  float64       // in microseconds: the window, a slot, the time between two permits, or the lease
}

var (
	counterKind = &kind{word: "sliding", code: "c", meter: "counter", refund: "counter_refund", local: newCounter, window: true}
	logKind     = &kind{word: "exact", code: "l", meter: "log", helper: "members", refund: "members_refund", local: newLog, window: true}
	bucketsKind = &kind{word: "strict", code: "b", meter: "buckets", refund: "buckets_refund", local: newBuckets, window: true}
	gcraKind    = &kind{word: "bucket", code: "g", meter: "gcra", refund: "gcra_refund", local: newGCRA, window: true}
	fixedKind   = &kind{word: "fixed", code: "f", meter: "fixed", refund: "fixed_refund", local: newFixed, window: true}
	leasesKind  = &kind{word: "concurrency", code: "n", meter: "leases", helper: "members", refund: "members_refund", local: newLeases}
)

const (
	maxLimit = 1_000_000_000
	maxExact = 10_000
	maxSlots = 1_000
	minSpan  = time.Millisecond
	maxSpan  = 366 * 24 * time.Hour
)

func (p part) parts() []part { return []part{p} }

// state is the end of the key: what would change the meaning of the stored numbers is part of it, the limit is not.
func (p part) state() string {
	switch p.kind {
	case gcraKind, leasesKind:
		return p.name + ":" + p.kind.code
	case bucketsKind:
		return fmt.Sprintf("%s:%s%d.%s", p.name, p.kind.code, p.slots, short(p.span))
	}
	return p.name + ":" + p.kind.code + short(p.span)
}

func micros(d time.Duration) float64 { return float64(d.Microseconds()) }

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

// short is d without the zero units at its end: 1m, not 1m0s.
func short(d time.Duration) string {
	s := d.String()
	for _, unit := range []string{"0s", "0m"} {
		if len(s) > len(unit) && strings.HasSuffix(s, unit) && !isDigit(s[len(s)-len(unit)-1]) {
			s = strings.TrimSuffix(s, unit)
		}
	}
	return s
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' || c == '.' }

// Sliding is the policy that [SlidingWindow] returns. Its methods trade memory or speed for a better bound.
type Sliding struct{ part }

// SlidingWindow allows limit permits in any window, as nearly as two counters can tell: those of the current window, and
// of the one before in proportion to what of it still lies within reach. It is the default choice: one small string per
// key whatever the limit.
//
// Worst case: 2*limit-1 in a window, for a caller who spends the whole limit at the end of one window of the clock and
// goes on steadily in the next. Random traffic of one and a half times the limit has been seen to reach 1.33*limit. Where
// that is too much use [Sliding.Strict] or [Sliding.Exact].
//
// The limit is from 1 to 1,000,000,000, the window from 1 ms to 366 days. Source: the counter described by Cloudflare in
// "How we built rate limiting capable of scaling to millions of domains" (2017); what it calls an error rate is traffic
// statistics and no bound.
func SlidingWindow(limit int, window time.Duration) Sliding {
	call := fmt.Sprintf("SlidingWindow(%d, %v)", limit, window)
	checkLimit(call, limit, maxLimit)
	checkSpan(call, "window", window)
	return Sliding{part{kind: counterKind, name: "sliding-" + short(window), limit: limit, span: window, unit: micros(window)}}
}

// Exact remembers the time of each permit.
//
// Worst case: limit in any window, and never fewer than limit. The price is memory, about 120 bytes for each permit of
// the last window, so the limit is at most 10,000.
func (s Sliding) Exact() Sliding {
	checkLimit(s.String()+".Exact()", s.limit, maxExact)
	s.kind, s.name, s.slots, s.unit = logKind, "exact-"+short(s.span), 0, micros(s.span)
	return s
}

// Strict cuts the window into buckets, and counts the oldest in full as long as any of it lies within reach. Use 10 to
// 60 buckets.
//
// Worst case: limit in any window. The price is that a permit comes back up to window/buckets later than it could, so
// traffic at the limit gets limit permits in window*(1+1/buckets). Memory: about 6 bytes for each bucket in use.
func (s Sliding) Strict(buckets int) Sliding {
	if buckets < 1 || buckets > maxSlots {
		panic(fmt.Sprintf("ratelimit: Strict(%d): use 1 to %d buckets", buckets, maxSlots))
	}
	s.kind, s.name, s.slots = bucketsKind, "strict-"+short(s.span), buckets
	s.unit = math.Ceil(micros(s.span) / float64(buckets))
	return s
}

func (s Sliding) String() string { return s.part.String() }

// FixedWindow allows limit permits in each window of the clock: the cheapest policy, and the easiest to explain.
//
// Worst case: 2*limit in a window, half of them at the end of one window of the clock and half at the beginning of the
// next. The limit is from 1 to 1,000,000,000, the window from 1 ms to 366 days. Windows begin at multiples of their
// length since 1970, UTC.
func FixedWindow(limit int, window time.Duration) Policy {
	call := fmt.Sprintf("FixedWindow(%d, %v)", limit, window)
	checkLimit(call, limit, maxLimit)
	checkSpan(call, "window", window)
	return part{kind: fixedKind, name: "fixed-" + short(window), limit: limit, span: window, unit: micros(window)}
}

// Rate is in permits per second.
type Rate float64

// Per is the rate of n permits in d. It panics if d is not positive.
func Per(n float64, d time.Duration) Rate {
	if d <= 0 {
		panic(fmt.Sprintf("ratelimit: Per(%v, %v): use a positive duration", n, d))
	}
	return Rate(n / d.Seconds())
}

// period is the time from one permit to the next, in microseconds: a whole number of quarters, which doubles add up
// exactly.
func (r Rate) period() float64 {
	// The slack takes off what the division that made the rate may have added.
	return math.Ceil(4e6/float64(r)*(1-1e-12)) / 4
}

// TokenBucket allows permits at a rate, and up to burst of them at once after a pause. Use it to shape traffic: permits
// come back one by one and not in a lump.
//
// Worst case: burst + rate*t in any time t. So burst = limit at a rate of limit per window gives 2*limit in a window; for
// "never more than limit in a window" leave limit-burst for the rate.
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
	return part{kind: gcraKind, name: "bucket", limit: burst, span: fill, unit: between}
}

// Concurrency allows n at once. A permit is a lease: [Limiter.Acquire], the middleware and [Limit] renew it while the
// work lasts and give it back after it. The lease is how long the permit of a process that died stays taken.
//
// Worst case: n at once, except for work whose process could not reach Redis for longer than the lease. RetryAfter is
// when the next lease ends unless it is renewed; a permit may come back earlier, or, if its holder lives, later.
//
// n is from 1 to 10,000, the lease from 1 ms to 366 days; ten seconds to a minute suit most work.
func Concurrency(n int, lease time.Duration) Policy {
	call := fmt.Sprintf("Concurrency(%d, %v)", n, lease)
	checkLimit(call, n, maxExact)
	checkSpan(call, "lease", lease)
	return part{kind: leasesKind, name: "concurrency", limit: n, span: lease, unit: micros(lease)}
}

var policyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$`)

// Named gives a policy the name that it has in headers, problem details, results and keys. The default is its kind and
// window, such as "sliding-1m". A name is made of up to 50 letters, digits and . _ -
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
