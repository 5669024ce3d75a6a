package consistency

import (
	"fmt"
	"slices"
	"time"

	"github.com/jollyjet/aside/store"
)

// Rule says when an alert is raised and when it is over. Between Raise and Clear nothing changes, so that a value that
// goes up and down around a threshold does not raise an alert each time. The functions below make rules that make sense;
// their fields can be changed.
type Rule struct {
	Name   string
	Raise  float64       // an alert is raised when the value has been beyond Raise
	For    time.Duration // all the time for so long,
	Clear  float64       // and is over when the value has not been beyond Clear
	Settle time.Duration // all the time for so long
	Below  bool          // beyond a threshold is below it, not above

	// Window is the span of time that Facts.Counts covers.
	Window time.Duration

	// Values returns what is watched: a value for each cache, node, or whatever else there may be several of; the key is
	// empty if there is one. One that is missing counts as being well. It is called in one goroutine at a time.
	Values func(Facts) map[string]float64
}

// Facts are what a rule judges by.
type Facts struct {
	Stats  store.Stats       // now
	Counts map[string]Counts // of each cache, in the rule's Window
	Covers time.Duration     // what Counts cover: less than the Window in the beginning
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

// minRate is how many reads, loads or checks a cache must have for each second before its ratios mean anything.
const (
	minReads  = 1
	minLoads  = 0.1
	minChecks = 20 // in the window, not for each second
)

// DefaultRules are the rules of [NewAlerts] if there are no others: hits below 50 % for 15 minutes; stale answers above
// 5 % for 5 minutes; wrong answers above 0.1 % of those that a [Monitor] compares; a breaker open for a minute; no feed
// for 2 minutes; evictions that have waited for a minute; load errors above 5 % for 5 minutes. What is a low hit ratio
// only you know.
func DefaultRules() []Rule {
	return []Rule{
		HitRatioBelow(0.5), StaleAbove(0.05), WrongAbove(0.001), BreakerOpen(), FeedDown(), QueueAbove(0),
		LoadErrorsAbove(0.05),
	}
}

// HitRatioBelow watches the part of a cache's reads that the cache answers. It clears a tenth above.
func HitRatioBelow(part float64) Rule {
	return Rule{
		Name: "hit ratio low", Raise: part, Clear: min(1, part*1.1), Below: true, For: 15 * time.Minute,
		Settle: 5 * time.Minute, Window: 10 * time.Minute,
		Values: ofCaches(func(c Counts, per float64) (float64, bool) { return c.HitRatio(), float64(c.Reads()) >= minReads*per }),
	}
}

// StaleAbove watches the part of a cache's reads that is answered past its time to live, because the loader fails or is
// slow. It clears at half.
func StaleAbove(part float64) Rule {
	return Rule{
		Name: "stale answers", Raise: part, Clear: part / 2, For: 5 * time.Minute, Settle: 5 * time.Minute,
		Window: 5 * time.Minute,
		Values: ofCaches(func(c Counts, per float64) (float64, bool) {
			return c.StaleRatio(), float64(c.Reads()) >= minReads*per
		}),
	}
}

// WrongAbove watches the part of a cache's answers that is wrong, as far as a [Monitor] knows. It clears at half.
func WrongAbove(part float64) Rule {
	return Rule{
		Name: "wrong answers", Raise: part, Clear: part / 2, Settle: 5 * time.Minute, Window: 5 * time.Minute,
		Values: ofCaches(func(c Counts, _ float64) (float64, bool) {
			return c.WrongRatio(), c.Checks.Equal+c.Checks.Differs >= minChecks
		}),
	}
}

// LoadErrorsAbove watches the part of a cache's loads that fails. It clears at half.
func LoadErrorsAbove(part float64) Rule {
	return Rule{
		Name: "load errors", Raise: part, Clear: part / 2, For: 5 * time.Minute, Settle: 5 * time.Minute,
		Window: 5 * time.Minute,
		Values: ofCaches(func(c Counts, per float64) (float64, bool) {
			return c.LoadErrorRatio(), float64(c.Loads) >= minLoads*per
		}),
	}
}

// ofCaches makes a value for each cache for which there is enough to judge by; per is the seconds that are covered.
func ofCaches(value func(c Counts, per float64) (float64, bool)) func(Facts) map[string]float64 {
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

// BreakerOpen watches whether nothing is sent to a master because it does not answer.
func BreakerOpen() Rule {
	return Rule{Name: "breaker open", For: time.Minute, Settle: time.Minute, Values: func(s Facts) map[string]float64 {
		values := make(map[string]float64)
		for _, node := range s.Stats.Breakers.Masters {
			values[node] = truth(slices.Contains(s.Stats.Breakers.Open, node))
		}
		return values
	}}
}

// FeedDown watches the invalidation feed.
func FeedDown() Rule {
	return one(Rule{Name: "feed down", For: 2 * time.Minute, Settle: time.Minute}, func(s *store.Stats) float64 {
		return truth(!s.Feed.Up)
	})
}

// QueueAbove watches how many evictions wait for Redis. It clears at half.
func QueueAbove(evictions int) Rule {
	raise := float64(evictions)
	return one(Rule{Name: "recovery queue", Raise: raise, Clear: raise / 2, For: time.Minute, Settle: time.Minute},
		func(s *store.Stats) float64 { return float64(s.Pending) })
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
