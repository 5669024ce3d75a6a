package ratelimit

import (
	"fmt"
	"strconv"
	"time"
)

// algorithm is one way to limit: the names of its Lua files, and its meter in Go for when Redis is away.
type algorithm struct {
	word    string   // in policies written as text
	code    string   // in keys, so that the state of one algorithm is never read as that of another
	meter   string   // Lua file and function
	helpers []string // Lua files that it needs
	refund  string   // Lua file
	local   func(part) meter
	window  bool // it has a window, and so a "w" in RateLimit-Policy
}

var (
	slidingCounter = &algorithm{
		word: "sliding", code: "c", meter: "counter", refund: "counter_refund", window: true,
		local: func(p part) meter { return newCounter(float64(p.limit), p.unit) },
	}
	plainCounter = &algorithm{
		word: "counter", code: "c", meter: "counter", refund: "counter_refund", window: true, local: slidingCounter.local,
	}
	slidingTimes = &algorithm{
		word: "sliding", code: "t", meter: "buckets", refund: "buckets_refund", window: true, local: slidingBuckets.local,
	}
	slidingLog = &algorithm{
		word: "exact", code: "l", meter: "log", helpers: []string{"members"}, refund: "members_refund", window: true,
		local: func(p part) meter { return newLog(float64(p.limit), p.unit) },
	}
	slidingBuckets = &algorithm{
		word: "strict", code: "b", meter: "buckets", refund: "buckets_refund", window: true,
		local: func(p part) meter { return newBuckets(float64(p.limit), p.unit, float64(p.slots)) },
	}
	tokenBucket = &algorithm{
		word: "bucket", code: "g", meter: "gcra", refund: "gcra_refund", window: true,
		local: func(p part) meter { return newGCRA(float64(p.limit), p.unit) },
	}
	fixedWindow = &algorithm{
		word: "fixed", code: "f", meter: "fixed", refund: "fixed_refund", window: true,
		local: func(p part) meter { return newFixed(float64(p.limit), p.unit) },
	}
	leases = &algorithm{
		word: "concurrency", code: "n", meter: "leases", helpers: []string{"members", "leases_bound"}, refund: "members_refund",
		local: func(p part) meter { return newLog(float64(p.limit), p.unit) },
	}
)

// part is one policy, reduced to what its algorithm needs. Most policies have one part; All has several.
type part struct {
	algorithm *algorithm
	name      string
	limit     int           // permits per window, in the bucket, or at once
	span      time.Duration // window or lease
	slots     int64         // into which the window is cut, if it is
	unit      float64       // in microseconds: the window, a slot, the time between two permits, or the lease
}

func (p part) parts() []part { return []part{p} }

// state is the end of the key. It contains whatever would change the meaning of the stored numbers. The limit does not: a
// limiter with a name keeps its counts when only its limit changes. Without a name nothing says that a limiter of another
// limit is the same one, so then the state is of this limit alone.
func (p part) state(named bool) string {
	state := p.name + ":" + p.algorithm.code
	switch p.algorithm {
	case tokenBucket: // the time that the debt takes to flow back
		state += p.unitText()
	case slidingBuckets: // numbers of slots
		state += fmt.Sprintf("%d.%s", p.slots, short(p.span))
	default: // numbers of windows; times of permits that are gone a window later; the furthest that a lease may reach
		state += short(p.span)
	}
	if named {
		return state
	}
	return state + ":" + strconv.Itoa(p.limit)
}

// unitText is the unit, exactly.
func (p part) unitText() string { return strconv.FormatFloat(p.unit, 'f', -1, 64) }

// args are what a script has to know of the policy.
func (p part) args() []any {
	return []any{p.limit, p.unitText(), p.slots}
}

// String is the part in the form that [ParsePolicy] reads.
func (p part) String() string {
	text := p.algorithm.word + " "
	if p.name != p.defaultName() {
		text = p.name + ": " + text
	}
	switch p.algorithm {
	case leases:
		return fmt.Sprintf("%s%d lease=%s", text, p.limit, short(p.span))
	case tokenBucket:
		return fmt.Sprintf("%s%s burst=%d", text, rateText(p.unit), p.limit)
	case slidingBuckets:
		return fmt.Sprintf("%s%d/%s buckets=%d", text, p.limit, short(p.span), p.slots)
	}
	return fmt.Sprintf("%s%d/%s", text, p.limit, short(p.span))
}

func (p part) defaultName() string {
	if p.algorithm == tokenBucket || p.algorithm == leases {
		return p.algorithm.word
	}
	return p.algorithm.word + "-" + short(p.span)
}
