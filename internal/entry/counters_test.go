package entry

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryReasonOfAnInvalidEntryHasACounterOfItsOwn(t *testing.T) {
	all := nowhere(t)
	c := all.Cache("cache", schema, ttl)
	reasons := []Reason{Evicted, Schema, Corrupt, Clash}
	for i, why := range reasons {
		for range i + 1 {
			c.CountInvalid(Entry{State: Invalid, Reason: why})
		}
	}
	counters := all.Counters()["cache"]
	for i, why := range reasons {
		require.EqualValues(t, i+1, counters.Invalid(why))
	}
	require.EqualValues(t, 1+2+3+4, counters.N(CountInvalid))
	for of := range counterCount {
		if of < CountInvalid || of > countInvalidReason+Counter(Clash) {
			require.Zero(t, counters.N(of), "counter %d", of)
		}
	}
}

func TestCachesOfOneNameShareTheirCounters(t *testing.T) {
	all := nowhere(t)
	one, two, other := all.Cache("cache", schema, ttl), all.Cache("cache", schema+1, ttl), all.Cache("other", schema, ttl)
	require.EqualValues(t, 1, one.Count(CountHit))
	require.EqualValues(t, 2, two.Count(CountHit))
	require.EqualValues(t, 1, other.Count(CountHit))
	one.CountNear(func() int { return 3 })
	two.CountNear(func() int { return 4 })
	require.EqualValues(t, 7, all.Counters()["cache"].NearEntries())
	require.Zero(t, all.Counters()["other"].NearEntries())
}

// A gauge belongs to somebody else, and may register another one.
func TestGaugesAreAskedWithoutTheLock(t *testing.T) {
	c := nowhere(t).Cache("cache", schema, ttl)
	c.CountNear(func() int {
		if !c.Counters.near.mu.TryLock() {
			t.Error("the lock is held")
			return 0
		}
		c.Counters.near.mu.Unlock()
		return 1
	})
	require.EqualValues(t, 1, c.Counters.NearEntries())
}
