package ratelimit

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/internal/redistest"
)

// sims runs a test on the meters in Go and on each kind of Redis.
func sims(t *testing.T, test func(t *testing.T, sims func(Policy) simulated)) {
	t.Run("go", func(t *testing.T) {
		test(t, func(p Policy) simulated { return newSimGo(p) })
	})
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		test(t, func(p Policy) simulated { return newSimLua(t, rdb, p) })
	})
}

// Several policies in one call are charged together or not at all.
func TestAllOrNothing(t *testing.T) {
	check := func(t *rapid.T, sims func(Policy) simulated) {
		one, two := genPolicy(t), genPolicy(t)
		policy := All(Named("one", one), Named("two", two))
		models := []*model{{part: policy.parts()[0]}, {part: policy.parts()[1]}}
		sim := sims(policy)
		now := begin
		for range rapid.IntRange(1, 30).Draw(t, "requests") {
			now += genWait(t, models[0].part, now)
			n := rapid.IntRange(1, min(models[0].limit, models[1].limit)).Draw(t, "n")
			allowed, read := sim.take(t, now, n)
			if want := models[0].admits(now, n) && models[1].admits(now, n); allowed != want {
				t.Fatalf("%v: allowed %v, want %v", policy, allowed, want)
			}
			for i, m := range models {
				if allowed {
					m.take(now, n)
				}
				if left := int(read[i].left); !m.admits(now, left) || left < m.limit && m.admits(now, left+1) {
					t.Fatalf("%v: %d of %d left", policy, left, i)
				}
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

// A clock that goes back by up to a window loosens nothing: together no more is admitted than the bound and what was
// there when it went back. One that went back by hours does not lock anybody out for hours.
func TestClockGoesBack(t *testing.T) {
	check := func(t *testing.T, sims func(Policy) simulated) {
		const limit, window = 10, time.Minute
		for name, p := range simPolicies(limit, window) {
			for _, back := range []time.Duration{time.Microsecond, time.Second, 59 * time.Second, 59*time.Minute + 59*time.Second} {
				sim := sims(p)
				now := begin/window.Microseconds()*window.Microseconds() + 100
				for range limit {
					if ok, _ := sim.take(t, now, 1); !ok {
						t.Fatalf("%s: the first %d were not all allowed", name, limit)
					}
				}
				now -= back.Microseconds()
				if ok, read := sim.take(t, now, 1); back < window && ok {
					t.Errorf("%s: the clock went back by %v and a permit came of it", name, back)
				} else if due := time.Duration(read[0].due) * time.Microsecond; due > 3*window {
					t.Errorf("%s: the clock went back by %v and locks out for %v", name, back, due)
				} else if !ok {
					now += int64(read[0].due)
					if ok, _ := sim.take(t, now, 1); !ok {
						t.Errorf("%s: the clock went back by %v and the retry-after was wrong", name, back)
					}
				}
			}
		}
	}
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		check(t, func(p Policy) simulated { return newSimLua(t, rdb, p) })
	})
}

// A bucket that has been full since a charge has wasted what flowed in; giving the charge back must not bring that back.
func TestLateBucketRefund(t *testing.T) {
	sims(t, func(t *testing.T, sims func(Policy) simulated) {
		const minute = 60 * 1_000_000
		sim := sims(TokenBucket(Per(1, time.Minute), 2))
		take := func(now int64) bool {
			ok, _ := sim.take(t, now, 1)
			return ok
		}
		require.True(t, take(begin))
		require.True(t, take(begin+minute), "by then it is full again")
		sim.give(t, begin+minute, begin, 1, 0)
		require.True(t, take(begin+minute))
		require.False(t, take(begin+minute), "two were in it, and two are taken")
		sim.give(t, begin+minute+minute/2, begin+minute, 1, 1)
		require.True(t, take(begin+minute+minute/2), "half a permit by itself, half by the refund")
		require.False(t, take(begin+minute+minute/2))
	})
}

// The counter's divisions are exact up to the largest numbers that a double holds.
func TestLargeNumbers(t *testing.T) {
	sims(t, func(t *testing.T, sims func(Policy) simulated) {
		rapid.Check(t, func(t *rapid.T) {
			policy := SlidingWindow(rapid.IntRange(90_000, 100_000).Draw(t, "limit"), 24*time.Hour)
			m, sim := &model{part: policy.part}, sims(policy)
			now := begin - begin%policy.span.Microseconds()
			for range 12 {
				now += rapid.Int64Range(0, policy.span.Microseconds()).Draw(t, "wait")
				n := rapid.IntRange(0, m.limit).Draw(t, "n")
				allowed, read := sim.take(t, now, n)
				agree(t, m, now, n, allowed, read[0])
			}
		})
	})
}
