package store

import (
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/histogram"
)

// Durations is a histogram of durations. It has the fields Count, Sum, and UpTo: how many were no longer than each bound.
// Durations above the longest bound are only in Count.
type Durations = histogram.Durations

// CacheStats has the counters of the caches of one name. Reads are NearHits + Hits + StaleHits + NegativeHits +
// Misses + Bypasses.
type CacheStats struct {
	NearHits     int64 // answered from this process
	Hits         int64 // answered from Redis
	StaleHits    int64 // answered from Redis with a value past its time to live
	NegativeHits int64 // answered from a cached absence
	Misses       int64
	Bypasses     int64 // went to the source and stored nothing: a hold, a queued eviction, no Redis, or values that the codec fails on
	Invalid      int64 // entries found but not usable, for one of the four reasons below
	Evicted      int64 // ... because a tag, the cache or the namespace was evicted
	Schema       int64 // ... because they have another type or codec
	Corrupt      int64 // ... because they are damaged or not written by aside
	Clash        int64 // ... because they belong to another key with the same hash
	Loads        int64
	LoadErrors   int64     // loads that returned an error that NotFound does not accept; includes panics
	Panics       int64     // loads that panicked
	LoadTimes    Durations // of loads that have ended, or whose callers have all left
	Refused      int64     // results not stored because the key was evicted or written during the load
	Waits        int64     // waits for the load of another process
	Unencodable  int64     // results that the codec could not encode
	Undecodable  int64     // values that were not stored because the codec could not decode what it had encoded
	Lossy        int64     // values, of those that were compared, that came back from the codec different; see cacheable.Equal
	TooLarge     int64     // values not stored because of cacheable.MaxBytes
	RedisErrors  int64     // failed commands of reads and loads
	Refreshes    int64     // loads in the background
	Unrefreshed  int64     // ... that failed
	Mutated      int64     // shared values that a caller modified, see cacheable.Near; only under the race detector
	BytesRead    int64     // size of the entries read from Redis
	BytesWritten int64     // size of the entries sent to Redis, stored or not
	NearEntries  int64     // values in this process now
	Checks       CheckStats
}

// CheckStats counts the answers of a cache that were selected for a comparison with the source. The counters from Equal to
// Skipped add up to their number. Hanging and Unrepeating are as of now.
type CheckStats struct {
	Equal       int64         `json:"equal"`           // cache and source agree
	Differs     int64         `json:"differs"`         // they differ, and no write in progress explains it: the cache is wrong
	Explained   int64         `json:"explained"`       // they differed; later the cache had another entry, or agreed
	Unsettled   int64         `json:"unsettled"`       // they differ, but the source does not repeat its answer either
	Gone        int64         `json:"gone"`            // the entry had gone from the cache
	Failed      int64         `json:"failed"`          // the source or Redis did not answer
	Dropped     int64         `json:"dropped"`         // not compared, because too many were waiting
	Skipped     int64         `json:"skipped"`         // not compared, because calls of the loader hang
	Repaired    int64         `json:"repaired"`        // wrong entries evicted
	DifferedFor time.Duration `json:"differed_for_ns"` // sum over Differs: how long the cache was wrong, at most
	Hung        int64         `json:"hung"`            // calls of the loader, for comparisons, that outlived consistency.LoadTimeout
	Hanging     int64         `json:"hanging"`         // of these, still running
	Unrepeating int64         `json:"unrepeating"`     // classes of keys for which the loader does not repeat its answers
}

// Minus returns what was counted since the earlier counters. Hanging and Unrepeating stay as they are.
func (c CheckStats) Minus(then CheckStats) CheckStats {
	return CheckStats{
		Equal: c.Equal - then.Equal, Differs: c.Differs - then.Differs, Explained: c.Explained - then.Explained,
		Unsettled: c.Unsettled - then.Unsettled, Gone: c.Gone - then.Gone, Failed: c.Failed - then.Failed,
		Dropped: c.Dropped - then.Dropped, Skipped: c.Skipped - then.Skipped, Repaired: c.Repaired - then.Repaired,
		DifferedFor: c.DifferedFor - then.DifferedFor, Hung: c.Hung - then.Hung,
		Hanging: c.Hanging, Unrepeating: c.Unrepeating,
	}
}

func cacheStats(c *entry.Counters) CacheStats {
	read, written := c.Bytes()
	return CacheStats{
		Hits: c.N(entry.CountHit), NegativeHits: c.N(entry.CountNegativeHit), Misses: c.N(entry.CountMiss),
		Bypasses: c.N(entry.CountBypass), Invalid: c.N(entry.CountInvalid), Evicted: c.Invalid(entry.Evicted),
		Schema: c.Invalid(entry.Schema), Corrupt: c.Invalid(entry.Corrupt), Clash: c.Invalid(entry.Clash),
		Loads: c.N(entry.CountLoad), LoadErrors: c.N(entry.CountLoadError), Panics: c.N(entry.CountPanic),
		LoadTimes: c.LoadTimes(), Refused: c.N(entry.CountRefused), Waits: c.N(entry.CountWait),
		Unencodable: c.N(entry.CountUnencodable), Undecodable: c.N(entry.CountUndecodable), Lossy: c.N(entry.CountLossy), RedisErrors: c.N(entry.CountRedisError), NearHits: c.N(entry.CountNearHit),
		StaleHits: c.N(entry.CountStale), Refreshes: c.N(entry.CountRefresh), Unrefreshed: c.N(entry.CountRefreshFailed),
		Mutated: c.N(entry.CountMutated), TooLarge: c.N(entry.CountTooLarge),
		BytesRead: read, BytesWritten: written, NearEntries: c.NearEntries(), Checks: checkStats(c),
	}
}

func checkStats(c *entry.Counters) CheckStats {
	repaired, differedFor := c.Repaired()
	hung, hanging := c.Hung()
	return CheckStats{
		Equal: c.Check(entry.CheckEqual), Differs: c.Check(entry.CheckDiffers), Explained: c.Check(entry.CheckExplained),
		Unsettled: c.Check(entry.CheckUnsettled), Gone: c.Check(entry.CheckGone), Failed: c.Check(entry.CheckFailed),
		Dropped: c.Check(entry.CheckDropped), Skipped: c.Check(entry.CheckSkipped), Repaired: repaired,
		DifferedFor: differedFor, Hung: hung, Hanging: hanging, Unrepeating: c.Unrepeating(),
	}
}
