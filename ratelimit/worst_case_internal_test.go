package ratelimit

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// attempt is a request: how long after the one before, and for how many permits.
type attempt struct {
	after int64
	n     int
}

// admitted runs attempts against a limiter and returns what it let through.
func admitted(t *testing.T, sim simulated, attempts []attempt) (hits []modelHit) {
	now := begin
	for _, a := range attempts {
		now += a.after
		if ok, _ := sim.take(t, now, a.n); ok {
			hits = append(hits, modelHit{now, a.n})
		}
	}
	return hits
}

// greedy spends all permits at some time, and then takes each permit the moment that it is there, for three windows.
func greedy(t *testing.T, sim simulated, limit int, start, window int64) (attempts []attempt, hits []modelHit) {
	now, last := begin+start, begin
	try := func() int64 {
		attempts = append(attempts, attempt{now - last, 1})
		last = now
		ok, read := sim.take(t, now, 1)
		if ok {
			hits = append(hits, modelHit{now, 1})
		}
		return int64(read[0].due)
	}
	for range limit {
		try()
	}
	for now < begin+start+3*window {
		if due := try(); due > 0 {
			now += due
		}
	}
	return attempts, hits
}

// mutate changes a few attempts: their times by anything from a microsecond to a window, or their costs.
func mutate(rnd *rand.Rand, attempts []attempt, limit int, window int64) []attempt {
	next := slices.Clone(attempts)
	for range 1 + rnd.IntN(3) {
		a := &next[rnd.IntN(len(next))]
		switch rnd.IntN(4) {
		case 0:
			a.after = 0
		case 1:
			a.after = rnd.Int64N(window / int64(limit) * 2)
		case 2:
			a.after = rnd.Int64N(window)
		default:
			a.n = 1 + rnd.IntN(limit)/(1+rnd.IntN(limit))
		}
	}
	return next
}

// An adversary who searches for the worst schedule finds none above the stated bound, and finds that the bound is real:
// it reaches it, but for a bucket, where it is one short in a window without its first moment.
func TestWorstCase(t *testing.T) {
	const limit, window = 20, 60 * 1_000_000
	reached := map[string]int{
		"sliding": limit, "counter": 2*limit - 1, "exact": limit, "strict10": limit, "strict60": limit, "bucket": 2*limit - 1,
		"fixed": 2 * limit, "concurrency": limit,
	}
	for name, p := range simPolicies(limit, window*time.Microsecond) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(1, 2))
			most, schedule := 0, []attempt(nil)
			offsets := []int64{0, 1, window - 1000, window - 1}
			for range 100 {
				offsets = append(offsets, rnd.Int64N(window))
			}
			for _, start := range offsets {
				start += window - begin%window
				if attempts, hits := greedy(t, newSimGo(p), limit, start, window); worst(hits, window) > most {
					most, schedule = worst(hits, window), attempts
				}
			}
			require.Equal(t, reached[name], most, "greedy")
			for range 1500 {
				next := mutate(rnd, schedule, limit, window)
				found := worst(admitted(t, newSimGo(p), next), window)
				require.LessOrEqual(t, found, p.bound(limit), "%v", next)
				if found >= most {
					most, schedule = found, next
				}
			}
			require.LessOrEqual(t, most, p.bound(limit))
			t.Logf("worst window: %d of a limit of %d", most, limit)
		})
	}
}

// The search ran in Go; Redis decides no other way on the greedy schedule and random ones like it.
func TestWorstCaseInRedis(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		const limit, window = 20, 60 * 1_000_000
		rnd := rand.New(rand.NewPCG(3, 4))
		for name, p := range simPolicies(limit, window*time.Microsecond) {
			attempts, want := greedy(t, newSimGo(p), limit, 2*window-begin%window-1000, window)
			sim := newSimLua(t, rdb, p)
			require.Equal(t, want, admitted(t, sim, attempts), name)
			for range 3 {
				attempts = mutate(rnd, attempts, limit, window)
				sim.again(name)
				require.Equal(t, admitted(t, newSimGo(p), attempts), admitted(t, sim, attempts), name)
			}
		}
	})
}

// Half as much again as is allowed comes at random for two hours.
func TestPoisson(t *testing.T) {
	redistest.Require(t)
	const limit, window, hours = 100, 60 * 1_000_000, 2
	rdb := redistest.Start(t).Client(t)
	rnd := rand.New(rand.NewPCG(5, 6))
	var times []int64
	for now := begin; now < begin+hours*60*window; now += int64(rnd.ExpFloat64() * window / (1.5 * limit)) {
		times = append(times, now)
	}
	for name, p := range simPolicies(limit, window*time.Microsecond) {
		t.Run(name, func(t *testing.T) {
			m := &model{part: p.parts()[0]}
			inGo, inLua := newSimGo(p), newSimLua(t, rdb, p)
			var hits []modelHit
			for batch := range slices.Chunk(times, 500) {
				replies := pipelined(t, inLua, batch)
				for i, now := range batch {
					ok := replies[i][1] == 0
					if goOK, _ := inGo.take(t, now, 1); ok != m.admits(now, 1) || ok != goOK {
						t.Fatalf("at %d: Lua says %v, Go %v, the model %v", now-begin, ok, goOK, m.admits(now, 1))
					}
					if ok {
						m.take(now, 1)
						hits = append(hits, modelHit{now, 1})
					}
				}
				m.forget(batch[len(batch)-1])
			}
			most := worst(hits, window)
			require.LessOrEqual(t, most, p.bound(limit))
			t.Logf("%d requests, %.3f of the limit admitted, %d in the worst window", len(times), float64(len(hits))/(hours*60*limit), most)
		})
	}
}

// pipelined takes one permit at each time. That works ahead of the answers, for nobody waits for them.
func pipelined(t *testing.T, s *simLua, times []int64) [][]int64 {
	require.NoError(t, s.rdb.ScriptLoad(context.Background(), s.sha.Text()).Err())
	pipe := s.rdb.Pipeline()
	replies := make([]*redis.Cmd, len(times))
	for i, now := range times {
		s.calls++
		replies[i] = pipe.EvalSha(context.Background(), s.sha.SHA(), s.keys, s.args(1, strconv.Itoa(s.calls), now)...)
	}
	_, err := pipe.Exec(context.Background())
	require.NoError(t, err)
	all := make([][]int64, len(times))
	for i, r := range replies {
		all[i], err = r.Int64Slice()
		require.NoError(t, err)
	}
	return all
}
