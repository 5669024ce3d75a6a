package ratelimit

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// caller is when somebody asks for one permit after another: the times between, given the last answer.
type caller func(i, limit int, window int64, allowed bool, due int64) (wait int64)

var callers = map[string]caller{
	// steady spaces the limit evenly over a window, and never exceeds it.
	"steady": func(_, limit int, window int64, _ bool, _ int64) int64 {
		return (window + int64(limit) - 1) / int64(limit)
	},
	// patient takes all that there is, and comes back after Retry-After.
	"patient": func(_, _ int, _ int64, _ bool, due int64) int64 { return due },
	// bursting takes the limit at once, and again a window later: never more in any window.
	"bursting": func(i, limit int, window int64, _ bool, _ int64) int64 {
		if (i+1)%limit == 0 {
			return window
		}
		return 0
	},
}

// share is what a caller who begins at an offset gets of the limit in many windows.
func share(t *testing.T, p Policy, ask caller, limit int, window, offset int64) float64 {
	const windows = 100
	sim := newSimGo(p)
	now, got := begin+offset, 0
	for i := 0; now < begin+offset+windows*window; i++ {
		ok, read := sim.take(t, now, 1)
		if ok {
			got++
		}
		now += ask(i, limit, window, ok, int64(read[0].due))
	}
	return min(1, float64(got)/float64(windows*limit))
}

// shares are the least that doc.go promises to each caller, and a share of all is all.
type shares struct{ steady, patient, bursting float64 }

// sharePolicies are the policies of doc.go's table at a limit.
func sharePolicies(limit int, window time.Duration) map[string]struct {
	Policy
	shares
	most int // in any window
} {
	type row = struct {
		Policy
		shares
		most int
	}
	n := float64(limit)
	all, counted, cut := shares{1, 1, 1}, shares{max(0.5, 1-1/n), max(0.5, 1-1/n), 0.5}, shares{0.5, 0.9, 0.5}
	if limit >= 10 {
		cut.steady = 0.88 // by n/(n+1), and a few that come within the slot of another
	}
	sliding := row{SlidingWindow(limit, window), all, limit}
	if limit > 20 {
		sliding = row{SlidingWindow(limit, window), counted, 2*limit - 1}
	}
	return map[string]row{
		"sliding": sliding,
		"counter": {SlidingWindow(limit, window).Counter(), counted, 2*limit - 1},
		"exact":   {SlidingWindow(limit, window).Exact(), all, limit},
		"strict":  {SlidingWindow(limit, window).Strict(10), cut, limit},
		"bucket":  {TokenBucket(Per(n, window), limit), all, 2 * limit},
		"fixed":   {FixedWindow(limit, window), all, 2 * limit},
	}
}

// What each policy gives to callers who keep the limit, and how far callers who don't can exceed it. Both are as doc.go says,
// from any moment of the clock's window on.
func TestOverAndUnderAdmission(t *testing.T) {
	const window = 60 * 1_000_000
	rnd := rand.New(rand.NewPCG(7, 8))
	for _, limit := range []int{1, 2, 5, 10, 20, 25, 50, 100} {
		for name, p := range sharePolicies(limit, window*time.Microsecond) {
			least, most := shares{1, 1, 1}, 0
			for i := range 20 {
				offset := []int64{0, 1, window / 2, window - 1, rnd.Int64N(window)}[min(i, 4)]
				least.steady = min(least.steady, share(t, p, callers["steady"], limit, window, offset))
				least.patient = min(least.patient, share(t, p, callers["patient"], limit, window, offset))
				least.bursting = min(least.bursting, share(t, p, callers["bursting"], limit, window, offset))
				_, hits := greedy(t, newSimGo(p), limit, window-begin%window+offset, window)
				most = max(most, worst(hits, window))
			}
			t.Logf("%-8s limit %3d: at most %3d; at least steady %.3f, patient %.3f, bursting %.3f",
				name, limit, most, least.steady, least.patient, least.bursting)
			require.LessOrEqual(t, most, p.most, "%s %d", name, limit)
			const edge = 1.0 / 100 // a window has begun or not ended yet
			require.GreaterOrEqual(t, least.steady+edge, p.steady, "%s %d", name, limit)
			require.GreaterOrEqual(t, least.patient+edge, p.patient, "%s %d", name, limit)
			require.GreaterOrEqual(t, least.bursting+edge, p.bursting, "%s %d", name, limit)
			if p.bursting == 1 {
				require.Equal(t, shares{1, 1, 1}, least, "%s %d", name, limit)
			}
		}
	}
}

// Whoever never exceeds the limit in any window gets every permit of a policy that promises all of it, whatever the times.
func TestCallersWhoKeepTheLimitGetAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		window := time.Duration(rapid.Int64Range(1000, 100_000_000).Draw(t, "window")) * time.Microsecond
		name := rapid.SampledFrom([]string{"sliding", "exact", "bucket", "fixed"}).Draw(t, "policy")
		p := sharePolicies(limit, window)[name]
		if name == "bucket" { // whose rate is rounded down
			window = time.Duration(math.Ceil(p.parts()[0].unit*float64(limit))) * time.Microsecond
		}
		sim, own := newSimGo(p), &model{part: SlidingWindow(limit, window).Exact().part}
		now := begin
		for range 60 {
			now += genWait(t, own.part, now)
			n := rapid.IntRange(1, limit).Draw(t, "n")
			for k := 0; !own.admits(now, n); k++ { // the caller keeps the limit
				now = max(now, own.hits[k].at+window.Microseconds())
			}
			own.take(now, n)
			if ok, _ := sim.take(t, now, n); !ok {
				t.Fatalf("%v denied %d at %d; hits %v", p.Policy, n, now-begin, own.since0())
			}
		}
	})
}
