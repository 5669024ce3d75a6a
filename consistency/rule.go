package consistency

import (
	"fmt"
	"slices"
	"time"

	"github.com/jollyjet/aside/store"
)

// Rule defines when an alert is raised and when it is over. A value between Raise and Clear changes nothing, so that a
// value that moves around a threshold does not raise an alert each time. The functions below return rules with sensible
// fields, which can be changed.
type Rule struct {
	Name   string
	Raise  float64       // an alert is raised when the value has been beyond Raise
	For    time.Duration // without interruption for this long,
	Clear  float64       // and is over when the value has not been beyond Clear
	Settle time.Duration // without interruption for this long
	Below  bool          // a value is beyond a threshold if it is below it, instead of above

	// Window is the span of time that Facts.Counts covers.
	Window time.Duration

	// Values returns the values to watch by subject, such as a cache or a master. The subject is empty if there is only
	// one value. A subject without a value counts as healthy. Values is never called concurrently.
	Values func(Facts) map[string]float64
}

// Facts are the input of a rule.
type Facts struct {
	Stats  store.Stats       // the current statistics of the store
	Counts map[string]Counts // of each cache, in the rule's Window
	Covers time.Duration     // the span that Counts really cover: less than the Window in the beginning
}

func (r *Rule) check(i int) {
	switch {
	case r.Name == "" || r.Values == nil:
		panic(fmt.Sprintf("consistency: Rules: rule %d needs a Name and Values", i+1))
	case r.For < 0 || r.Settle < 0 || r.Window < 0:
		panic(fmt.Sprintf("consistency: Rules: %s: For, Settle and Window must not be negative", r.Name))
	case r.Below && r.Clear < r.Raise || !r.Below && r.Clear > r.Raise:
		panic(fmt.Sprintf("consistency: Rules: %s: Clear (%v) is further out than Raise (%v)", r.Name, r.Clear, r.Raise))
	}
}

// beyond reports whether a value is beyond a threshold.
func (r *Rule) beyond(value, threshold float64) bool {
	if r.Below {
		return value < threshold
	}
	return value > threshold
}

// A cache without this many events has no ratios, because they would be noise.
const (
	minReads  = 1   // per second
	minLoads  = 0.1 // per second
	minChecks = 20  // in the window
)

// DefaultRules returns the rules that [NewAlerts] uses without [Rules]: hits below 50 % for 15 minutes; stale answers
// above 5 % for 5 minutes; wrong answers above 0.1 % of those that a [Monitor] compares; a breaker open for a minute;
// no feed for 2 minutes; queued evictions for a minute; a journal that can't be written for a minute; load errors above
// 5 % for 5 minutes. Which hit ratio is low depends on your application.
func DefaultRules() []Rule {
	return []Rule{
		HitRatioBelow(0.5), StaleAbove(0.05), WrongAbove(0.001), BreakerOpen(), FeedDown(), QueueAbove(0),
		JournalDown(), LoadErrorsAbove(0.05),
	}
}

// HitRatioBelow watches the fraction of a cache's reads that the cache answers. It clears at 1.1 times the fraction.
func HitRatioBelow(fraction float64) Rule {
	return Rule{
		Name: "hit ratio low", Raise: fraction, Clear: min(1, fraction*1.1), Below: true, For: 15 * time.Minute,
		Settle: 5 * time.Minute, Window: 10 * time.Minute,
		Values: ofCaches(func(c Counts, seconds float64) (float64, bool) {
			return c.HitRatio(), float64(c.Reads()) >= minReads*seconds
		}),
	}
}

// StaleAbove watches the fraction of a cache's reads that is answered with a value past its TTL, because the loader
// fails or is slow. It clears at half the fraction.
func StaleAbove(fraction float64) Rule {
	return Rule{
		Name: "stale answers", Raise: fraction, Clear: fraction / 2, For: 5 * time.Minute, Settle: 5 * time.Minute,
		Window: 5 * time.Minute,
		Values: ofCaches(func(c Counts, seconds float64) (float64, bool) {
			return c.StaleRatio(), float64(c.Reads()) >= minReads*seconds
		}),
	}
}

// WrongAbove watches the fraction of a cache's answers that is wrong, as sampled by a [Monitor]. It clears at half the
// fraction.
func WrongAbove(fraction float64) Rule {
	return Rule{
		Name: "wrong answers", Raise: fraction, Clear: fraction / 2, Settle: 5 * time.Minute, Window: 5 * time.Minute,
		Values: ofCaches(func(c Counts, _ float64) (float64, bool) {
			return c.WrongRatio(), c.Checks.Equal+c.Checks.Differs >= minChecks
		}),
	}
}

// LoadErrorsAbove watches the fraction of a cache's loads that fails. It clears at half the fraction.
func LoadErrorsAbove(fraction float64) Rule {
	return Rule{
		Name: "load errors", Raise: fraction, Clear: fraction / 2, For: 5 * time.Minute, Settle: 5 * time.Minute,
		Window: 5 * time.Minute,
		Values: ofCaches(func(c Counts, seconds float64) (float64, bool) {
			return c.LoadErrorRatio(), float64(c.Loads) >= minLoads*seconds
		}),
	}
}

// ofCaches returns a value for each cache that has enough events; seconds is the span that the counts cover.
func ofCaches(value func(c Counts, seconds float64) (float64, bool)) func(Facts) map[string]float64 {
	return func(s Facts) map[string]float64 {
		values := make(map[string]float64)
		for name, c := range s.Counts {
			if v, ok := value(c, s.Covers.Seconds()); ok {
				values[name] = v
			}
		}
		return values
	}
}

// BreakerOpen watches the circuit breaker of each master.
func BreakerOpen() Rule {
	return Rule{Name: "breaker open", For: time.Minute, Settle: time.Minute, Values: func(s Facts) map[string]float64 {
		values := make(map[string]float64)
		for _, node := range s.Stats.Breakers.Masters {
			values[node] = truth(slices.Contains(s.Stats.Breakers.Open, node))
		}
		return values
	}}
}

// FeedDown watches whether the invalidation feed is up.
func FeedDown() Rule {
	return one(Rule{Name: "feed down", For: 2 * time.Minute, Settle: time.Minute}, func(s *store.Stats) float64 {
		return truth(!s.Feed.Up)
	})
}

// QueueAbove watches the number of evictions queued for Redis. It clears at half the number.
func QueueAbove(evictions int) Rule {
	raise := float64(evictions)
	return one(Rule{Name: "recovery queue", Raise: raise, Clear: raise / 2, For: time.Minute, Settle: time.Minute},
		func(s *store.Stats) float64 { return float64(s.Pending) })
}

// JournalDown watches whether the file given to [store.Journal] can be written.
func JournalDown() Rule {
	return one(Rule{Name: "journal down", For: time.Minute, Settle: time.Minute}, func(s *store.Stats) float64 {
		return truth(s.Recovery.JournalFault != "")
	})
}

func one(r Rule, value func(*store.Stats) float64) Rule {
	r.Values = func(s Facts) map[string]float64 { return map[string]float64{"": value(&s.Stats)} }
	return r
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
