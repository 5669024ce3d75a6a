package consistency

import (
	"github.com/jollyjet/aside/store"
)

// Counts are the counters of a cache, in total or within a span of time; see [store.CacheStats].
type Counts struct {
	NearHits     int64            `json:"near_hits"`
	Hits         int64            `json:"hits"`
	StaleHits    int64            `json:"stale_hits"` // past their TTL, see cacheable.FailSafe
	NegativeHits int64            `json:"negative_hits"`
	Misses       int64            `json:"misses"`
	Bypasses     int64            `json:"bypasses"`
	Loads        int64            `json:"loads"`
	LoadErrors   int64            `json:"load_errors"`
	RedisErrors  int64            `json:"redis_errors"`
	Checks       store.CheckStats `json:"checks"`
}

func countsOf(s store.CacheStats) Counts {
	return Counts{
		NearHits: s.NearHits, Hits: s.Hits, StaleHits: s.StaleHits, NegativeHits: s.NegativeHits, Misses: s.Misses,
		Bypasses: s.Bypasses, Loads: s.Loads, LoadErrors: s.LoadErrors, RedisErrors: s.RedisErrors, Checks: s.Checks,
	}
}

// Reads is the number of reads.
func (c Counts) Reads() int64 { return c.answered() + c.Misses + c.Bypasses }

func (c Counts) answered() int64 { return c.NearHits + c.Hits + c.StaleHits + c.NegativeHits }

// HitRatio is the fraction of reads that the cache answered, including stale ones. It is 0 if there were no reads.
func (c Counts) HitRatio() float64 { return ratio(c.answered(), c.Reads()) }

// StaleRatio is the fraction of reads that were answered with a value past its TTL, because the loader failed or was
// slow.
func (c Counts) StaleRatio() float64 { return ratio(c.StaleHits, c.Reads()) }

// WrongRatio is the fraction of hits that were wrong, estimated from those that were compared.
func (c Counts) WrongRatio() float64 {
	return ratio(c.Checks.Differs, c.Checks.Differs+c.Checks.Equal)
}

// LoadErrorRatio is the fraction of loads that failed.
func (c Counts) LoadErrorRatio() float64 { return ratio(c.LoadErrors, c.Loads) }

func ratio(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// minus returns what was counted between then and c.
func (c Counts) minus(then Counts) Counts {
	return Counts{
		NearHits: c.NearHits - then.NearHits, Hits: c.Hits - then.Hits, StaleHits: c.StaleHits - then.StaleHits,
		NegativeHits: c.NegativeHits - then.NegativeHits, Misses: c.Misses - then.Misses,
		Bypasses: c.Bypasses - then.Bypasses, Loads: c.Loads - then.Loads, LoadErrors: c.LoadErrors - then.LoadErrors,
		RedisErrors: c.RedisErrors - then.RedisErrors, Checks: c.Checks.Minus(then.Checks),
	}
}
