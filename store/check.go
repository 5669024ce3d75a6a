package store

import (
	"sync/atomic"
	"time"
)

// Check is what came of comparing an answer of a cache with the source; see package consistency, which compares.
type Check uint8

// The outcomes.
const (
	CheckEqual     Check = iota // the two agree
	CheckDiffers                // they differ, and no write under way explains it
	CheckExplained              // they differed, and then the cache had something else, or agreed
	CheckUnsettled              // they differ, but the source gives another answer each time
	CheckGone                   // the cache had nothing any more
	CheckFailed                 // the source or Redis did not answer
	CheckDropped                // not compared, because too much was to be
)

// CheckStats counts the answers of a cache that were chosen to be compared with the source; all but Repaired add up to
// their number.
type CheckStats struct {
	Equal       int64         `json:"equal"`           // the two agree
	Differs     int64         `json:"differs"`         // they differ, and no write under way explains it: the cache is wrong
	Explained   int64         `json:"explained"`       // they differed, and then the cache had something else, or agreed
	Unsettled   int64         `json:"unsettled"`       // they differ, but the source gives another answer each time
	Gone        int64         `json:"gone"`            // the cache had nothing any more
	Failed      int64         `json:"failed"`          // the source or Redis did not answer
	Dropped     int64         `json:"dropped"`         // not compared, because too much was to be
	Repaired    int64         `json:"repaired"`        // wrong entries evicted
	DifferedFor time.Duration `json:"differed_for_ns"` // added up over Differs: for how long at most the cache had been wrong
}

// checks are the counters of [CheckStats].
type checks struct {
	outcomes              [CheckDropped + 1]atomic.Int64
	repaired, differedFor atomic.Int64
}

// CountChecks counts n answers that were chosen to be compared, and have the same outcome.
func (p *Space) CountChecks(outcome Check, n int64) { p.counts.checks.outcomes[outcome].Add(n) }

// CountDiffered adds up for how long the cache had been wrong.
func (p *Space) CountDiffered(d time.Duration) { p.counts.checks.differedFor.Add(int64(d)) }

// CountRepaired counts a wrong entry that was evicted.
func (p *Space) CountRepaired() { p.counts.checks.repaired.Add(1) }

func (c *checks) stats() CheckStats {
	n := func(o Check) int64 { return c.outcomes[o].Load() }
	return CheckStats{
		Equal: n(CheckEqual), Differs: n(CheckDiffers), Explained: n(CheckExplained), Unsettled: n(CheckUnsettled),
		Gone: n(CheckGone), Failed: n(CheckFailed), Dropped: n(CheckDropped),
		Repaired: c.repaired.Load(), DifferedFor: time.Duration(c.differedFor.Load()),
	}
}

// Minus returns what was counted since then.
func (c CheckStats) Minus(then CheckStats) CheckStats {
	return CheckStats{
		Equal: c.Equal - then.Equal, Differs: c.Differs - then.Differs, Explained: c.Explained - then.Explained,
		Unsettled: c.Unsettled - then.Unsettled, Gone: c.Gone - then.Gone, Failed: c.Failed - then.Failed,
		Dropped: c.Dropped - then.Dropped, Repaired: c.Repaired - then.Repaired,
		DifferedFor: c.DifferedFor - then.DifferedFor,
	}
}
