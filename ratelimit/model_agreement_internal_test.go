package ratelimit

import (
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/internal/redistest"
)

// agree checks one answer against the model: the decision, what is left, and all three times, to the microsecond.
func agree(t fataler, m *model, now int64, n int, allowed bool, r reading) {
	t.Helper()
	if allowed != m.admits(now, n) {
		t.Fatalf("%v: %d at %d: allowed %v, the model says otherwise; hits %v", m.part, n, now-begin, allowed, m.since0())
	}
	if !allowed {
		first(t, m, now, int64(r.due), n, "retry after")
	} else if n > 0 {
		m.take(now, n)
	}
	left := int(r.left)
	if !m.admits(now, left) || left < m.limit && m.admits(now, left+1) {
		t.Fatalf("%v: at %d %d left, the model says otherwise; hits %v", m.part, now-begin, left, m.since0())
	}
	if left < m.limit {
		first(t, m, now, int64(r.next), left+1, "next after")
	} else if r.next != 0 {
		t.Fatalf("%v: next after %v with all permits there", m.part, r.next)
	}
	// A bucket that is not quite full has all its permits but one; the last one is there when it is full.
	if r.reset > 0 {
		first(t, m, now, int64(r.reset), m.limit, "reset after")
	} else if !m.admits(now, m.limit) {
		t.Fatalf("%v: reset after 0 with permits missing", m.part)
	}
}

// first checks that n permits are there after a wait, and not a microsecond before.
func first(t fataler, m *model, now, wait int64, n int, what string) {
	t.Helper()
	if !m.admits(now+wait, n) {
		t.Fatalf("%v: at %d %s %d for %d: the model still denies; hits %v", m.part, now-begin, what, wait, n, m.since0())
	}
	if wait > 0 && m.admits(now+wait-1, n) && what != "reset after" {
		t.Fatalf("%v: at %d %s %d for %d: the model admits earlier; hits %v", m.part, now-begin, what, wait, n, m.since0())
	}
}

func (m *model) since0() []modelHit {
	hits := slices.Clone(m.hits)
	for i := range hits {
		hits[i].at -= begin
	}
	return hits
}

// genWait draws the time to the next request: at once, soon, about a permit's time, about a window, or to where a
// window or slot of the clock ends.
func genWait(t *rapid.T, p part, now int64) int64 {
	window, unit := p.span.Microseconds(), max(1, int64(p.unit))
	near := rapid.Int64Range(-2, 2).Draw(t, "near")
	switch rapid.IntRange(0, 6).Draw(t, "wait") {
	case 0:
		return 0
	case 1:
		return rapid.Int64Range(0, 2*window/int64(p.limit)).Draw(t, "permit")
	case 2:
		return rapid.Int64Range(0, 3*window).Draw(t, "window")
	case 3:
		return max(0, window-now%window+near)
	case 4:
		return max(0, unit-now%unit+near)
	case 5:
		return max(0, window+near)
	}
	return rapid.Int64Range(0, 10).Draw(t, "soon")
}

func genPolicy(t *rapid.T) Policy {
	limit := rapid.IntRange(1, 12).Draw(t, "limit")
	window := time.Duration(rapid.Int64Range(1000, 100_000_000).Draw(t, "window")) * time.Microsecond
	burst := rapid.IntRange(1, 12).Draw(t, "burst")
	return rapid.SampledFrom([]Policy{
		SlidingWindow(limit, window), SlidingWindow(limit, window).Counter(), SlidingWindow(limit, window).Exact(), FixedWindow(limit, window),
		SlidingWindow(limit, window).Strict(rapid.IntRange(1, 20).Draw(t, "buckets")),
		TokenBucket(Per(float64(limit), window), burst), Concurrency(limit, window),
	}).Draw(t, "policy")
}

// Each answer of each policy is the model's, in Go and in Lua, whatever the requests. So no policy admits more than the
// model, none denies what the model allows, and the retry-after is exact.
func TestPoliciesAgreeWithTheModel(t *testing.T) {
	check := func(t *rapid.T, sims func(Policy) simulated) {
		policy := genPolicy(t)
		m := &model{part: policy.parts()[0]}
		sim := sims(policy)
		now := begin + rapid.Int64Range(0, 1_000_000).Draw(t, "begin")
		for range rapid.IntRange(1, 40).Draw(t, "requests") {
			now += genWait(t, m.part, now)
			n := rapid.IntRange(0, m.limit).Draw(t, "n")
			allowed, read := sim.take(t, now, n)
			agree(t, m, now, n, allowed, read[0])
			// One of the charges may have been a mistake, and is given back. The bucket has a test of its own.
			if len(m.hits) > 0 && m.algorithm != tokenBucket && rapid.IntRange(0, 3).Draw(t, "refund") == 0 {
				now += genWait(t, m.part, now)
				k := rapid.IntRange(max(0, len(m.hits)-4), len(m.hits)-1).Draw(t, "charge")
				sim.give(t, now, m.hits[k].at, m.hits[k].n, k)
				m.drop(k)
			}
		}
	}
	t.Run("go", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) { check(t, func(p Policy) simulated { return newSimGo(p) }) })
	})
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		rapid.Check(t, func(rt *rapid.T) {
			check(rt, func(p Policy) simulated { return newSimLua(t, rdb, p) })
		})
	})
}

// A bucket gives back no more than what keeps it within what it would hold without the charge, and all of it at once.
func TestBucketRefund(t *testing.T) {
	check := func(t *rapid.T, sims func(Policy) simulated) {
		policy := TokenBucket(Per(float64(rapid.IntRange(1, 9).Draw(t, "rate")), time.Minute), rapid.IntRange(1, 9).Draw(t, "burst"))
		m := &model{part: policy.parts()[0]}
		sim := sims(policy)
		now := begin
		for range rapid.IntRange(1, 40).Draw(t, "requests") {
			now += genWait(t, m.part, now)
			n := rapid.IntRange(1, m.limit).Draw(t, "n")
			allowed, _ := sim.take(t, now, n)
			if !allowed {
				continue
			}
			if !m.admits(now, n) {
				t.Fatalf("allowed what the model denies: hits %v", m.since0())
			}
			m.take(now, n)
			if rapid.Bool().Draw(t, "refund") {
				_, before := sim.take(t, now, 0)
				sim.give(t, now, now, n, len(m.hits)-1)
				m.drop(len(m.hits) - 1)
				if _, after := sim.take(t, now, 0); after[0].left != before[0].left+float64(n) {
					t.Fatalf("refund of %d: %v left, then %v", n, before[0].left, after[0].left)
				}
			} else if rapid.Bool().Draw(t, "late refund") {
				at := now
				now += genWait(t, m.part, now)
				sim.give(t, now, at, n, len(m.hits)-1)
				m.drop(len(m.hits) - 1)
			}
		}
	}
	t.Run("go", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) { check(t, func(p Policy) simulated { return newSimGo(p) }) })
	})
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		rapid.Check(t, func(rt *rapid.T) {
			check(rt, func(p Policy) simulated { return newSimLua(t, rdb, p) })
		})
	})
}
