package ratelimit

import (
	"context"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// The scripts of a simulation take the time from their last argument, and let keys live for ten minutes of real time:
// what they do must not depend on a key's end. Apart from that they are those of the library.
const simHead = `
local now, real = tonumber(ARGV[#ARGV]), redis
local redis = { call = function(name, ...)
	local a = { ... }
	if name == 'SET' then return real.call(name, a[1], a[2], 'PX', '600000') end
	if name == 'PEXPIRE' then return real.call(name, a[1], '600000') end
	return real.call(name, ...)
end }
`

// simulated is a limiter of one key whose time is given with each call: in Lua, or in Go.
type simulated interface {
	take(tb fataler, now int64, n int) (bool, []reading)
	give(tb fataler, now, at int64, n, k int) // gives back the charge number k
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

type simLua struct {
	rdb   redis.UniversalClient
	parts []part
	keys  []string
	sha   *script
	calls int
	ids   []string // of the charges
}

var simKeys int

func newSimLua(tb testing.TB, rdb redis.UniversalClient, policy Policy) *simLua {
	s := &simLua{rdb: rdb, parts: policy.parts()}
	s.sha = takeScript(simHead, s.parts)
	s.again(redistest.Unique(tb))
	return s
}

// again makes the limiter a new one.
func (s *simLua) again(name string) {
	simKeys++
	s.keys = nil
	for _, p := range s.parts {
		s.keys = append(s.keys, "{"+name+strconv.Itoa(simKeys)+"}"+p.state(true))
	}
}

func (s *simLua) args(n int, id string, now int64) []any {
	args := []any{n}
	for _, p := range s.parts {
		args = append(args, p.args()...)
	}
	return append(args, id, now)
}

func (s *simLua) take(tb fataler, now int64, n int) (bool, []reading) {
	tb.Helper()
	s.calls++
	id := strconv.Itoa(s.calls)
	reply, err := s.eval(s.sha, s.keys, s.args(n, id, now))
	if err != nil {
		tb.Fatalf("take: %v", err)
	}
	read := readings(reply)
	if reply[0] != now || len(read) != len(s.parts) {
		tb.Fatalf("reply %v", reply)
	}
	ok := free(read)
	if ok && n > 0 {
		s.ids = append(s.ids, id)
	}
	return ok, read
}

func (s *simLua) give(tb fataler, now, at int64, n, k int) {
	tb.Helper()
	for i, p := range s.parts {
		args := append(p.args(), n, s.ids[k], at, now)
		if _, err := s.eval(newRefundScript(simHead, p.algorithm), s.keys[i:i+1], args); err != nil {
			tb.Fatalf("refund: %v", err)
		}
	}
}

func (s *simLua) eval(script *script, keys []string, args []any) ([]int64, error) {
	ctx := context.Background()
	reply, err := s.rdb.EvalSha(ctx, script.SHA(), keys, args...).Int64Slice()
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		reply, err = s.rdb.Eval(ctx, script.Text(), keys, args...).Int64Slice()
	}
	return reply, err
}

type simGo struct {
	*local
	clock float64
	ids   []uint64 // of the charges
}

func newSimGo(policy Policy) *simGo {
	s := &simGo{local: newLocal(policy.parts(), 1, 10)}
	s.now = func() float64 { return s.clock }
	return s
}

func (s *simGo) take(_ fataler, now int64, n int) (bool, []reading) {
	s.clock = float64(now)
	read, _, id := s.local.take("", n)
	if n > 0 && free(read) {
		s.ids = append(s.ids, id)
	}
	return free(read), read
}

func (s *simGo) give(_ fataler, now, at int64, n, k int) {
	s.clock = float64(now)
	s.local.give(charge{at: float64(at), n: n, local: s.ids[k]}, false)
}

func free(read []reading) bool {
	for _, r := range read {
		if r.due > 0 {
			return false
		}
	}
	return true
}

// begin is a time of day in microseconds, so that numbers have the size that they have in life.
const begin = int64(1_790_000_000_000_000)

// simPolicy is a policy with its name, its model, and the bound that its documentation states.
type simPolicy struct {
	Policy
	bound func(limit int) int // in any window
}

// simPolicies have a limit and a window in common: so many permits, or in the bucket and back in that time.
func simPolicies(limit int, window time.Duration) map[string]simPolicy {
	once := func(n int) int { return n }
	twice := func(n int) int { return 2 * n }
	almost := func(n int) int { return 2*n - 1 }
	sliding := func(n int) int {
		if n <= maxTimes {
			return n
		}
		return almost(n)
	}
	return map[string]simPolicy{
		"sliding":     {SlidingWindow(limit, window), sliding},
		"counter":     {SlidingWindow(limit, window).Counter(), almost},
		"exact":       {SlidingWindow(limit, window).Exact(), once},
		"strict10":    {SlidingWindow(limit, window).Strict(10), once},
		"strict60":    {SlidingWindow(limit, window).Strict(60), once},
		"bucket":      {TokenBucket(Per(float64(limit), window), limit), twice},
		"fixed":       {FixedWindow(limit, window), twice},
		"concurrency": {Concurrency(limit, window), once}, // nobody renews or releases
	}
}

// worst is the largest number of permits in any half-open window.
func worst(hits []modelHit, window int64) int {
	most, sum, first := 0, 0, 0
	for _, h := range hits {
		sum += h.n
		for hits[first].at <= h.at-window {
			sum -= hits[first].n
			first++
		}
		most = max(most, sum)
	}
	return most
}

func TestSimHeadIsNotInUse(t *testing.T) {
	require.Contains(t, takeScript(head, SlidingWindow(1, time.Second).parts()).Text(), "redis.call('TIME')")
	require.Less(t, float64(begin)*4, math.Pow(2, 53), "quarters of microseconds are exact")
}
