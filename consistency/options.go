package consistency

import (
	"fmt"
	"time"

	"github.com/jollyjet/aside/store"
)

// Option changes a default of [NewMonitor] or [Audit]. Those that take a function infer its types; the two panic if they
// are not those of the cache, or if an option is for the other.
type Option struct {
	name  string
	only  string // what it is for; empty for both
	apply func(*settings)
}

type settings struct {
	// of both
	grace       time.Duration
	tolerate    time.Duration
	rate        float64 // comparisons for each second
	concurrency int
	equal       any // func(V, V) bool
	diff        any // func(V, V) string
	changedAt   any // func(V) time.Time
	class       any // func(K) string
	absent      func(error) bool
	onFinding   func(Finding)
	keep        int
	fix         bool

	// of a monitor
	fraction float64
	reload   bool
	windows  []time.Duration

	// of an audit
	parseKey any // func(string) (K, error)
	from     store.Position
	progress func(AuditReport)
}

const (
	forMonitor = "NewMonitor"
	forAudit   = "Audit"
)

func settingsOf(what string, rate float64, options []Option) settings {
	s := settings{
		grace: 3 * time.Second, rate: rate, concurrency: 4, keep: 100, fraction: 0.01,
		windows: []time.Duration{time.Minute, 10 * time.Minute, time.Hour},
	}
	for i, o := range options {
		if o.apply == nil {
			panic(fmt.Sprintf("consistency: %s: option %d is empty; leave it out", what, i+1))
		}
		if o.only != "" && o.only != what {
			panic(fmt.Sprintf("consistency: %s: %s is for %s", what, o.name, o.only))
		}
		o.apply(&s)
	}
	return s
}

// Grace is how long a difference has to last before it counts: longer than a write may take from the moment at which
// others see it at the source to the end of its eviction, and than replicas lag that the loader reads from. The default
// is 3 s; below 2 s the second that a cache may be behind while it has no feed would count.
func Grace(d time.Duration) Option {
	if d < time.Millisecond {
		panic(fmt.Sprintf("consistency: Grace(%v): use 1ms or more", d))
	}
	return Option{"Grace", "", func(s *settings) { s.grace = d }}
}

// Tolerate accepts answers that differ from the source if their load began at most d ago. It is for caches that are not
// evicted on every write; d is their time to live then, or what their users accept. The default is 0.
func Tolerate(d time.Duration) Option {
	if d < 0 {
		panic(fmt.Sprintf("consistency: Tolerate(%v): use a positive duration", d))
	}
	return Option{"Tolerate", "", func(s *settings) { s.tolerate = d }}
}

// Rate bounds how many entries are compared in a second, and so how often the loader is called. The default is 200 for a
// monitor, where further ones are dropped and counted, and 1,000 for an audit, where they wait.
func Rate(perSecond float64) Option {
	if !(perSecond > 0 && perSecond <= 1e6) {
		panic(fmt.Sprintf("consistency: Rate(%v): use more than 0, and 1,000,000 at most", perSecond))
	}
	return Option{"Rate", "", func(s *settings) { s.rate = perSecond }}
}

// Concurrency bounds how many loads run at the same time in order to compare. The default is 4.
func Concurrency(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("consistency: Concurrency(%d): use 1 or more", n))
	}
	return Option{"Concurrency", "", func(s *settings) { s.concurrency = n }}
}

// Equal decides whether two values are as good as equal. The default is reflect.DeepEqual. It is not asked about values
// whose encodings are the same.
func Equal[V any](equal func(a, b V) bool) Option {
	mustNotBeNil("Equal", equal == nil)
	return Option{"Equal", "", func(s *settings) { s.equal = equal }}
}

// Diff says in a few words how two values differ, for [Finding]. By default nothing is said, so that no report contains
// what is in the cache.
func Diff[V any](diff func(cached, source V) string) Option {
	mustNotBeNil("Diff", diff == nil)
	return Option{"Diff", "", func(s *settings) { s.diff = diff }}
}

// ChangedAt says when a value was changed last at the source, so that it is known for how long the cache has been wrong.
// The source's clock is taken to agree with this machine's. Without it bounds are all that is known.
func ChangedAt[V any](at func(V) time.Time) Option {
	mustNotBeNil("ChangedAt", at == nil)
	return Option{"ChangedAt", "", func(s *settings) { s.changedAt = at }}
}

// ClassOf names the class of a key in reports. By default it is the key with its numbers and UUIDs replaced by "*". Beyond
// 100 classes all others are one.
func ClassOf[K comparable](class func(K) string) Option {
	mustNotBeNil("ClassOf", class == nil)
	return Option{"ClassOf", "", func(s *settings) { s.class = class }}
}

// Absent tells which errors of the loader say that the source has nothing, besides those that cacheable.NotFound accepts.
// Without it the error for a row that was deleted is one like any other, and its entry is not compared.
func Absent(absent func(error) bool) Option {
	mustNotBeNil("Absent", absent == nil)
	return Option{"Absent", "", func(s *settings) { s.absent = absent }}
}

// OnFinding has report called once for each entry that is found to be wrong, from one of the goroutines that compare.
func OnFinding(report func(Finding)) Option {
	mustNotBeNil("OnFinding", report == nil)
	return Option{"OnFinding", "", func(s *settings) { s.onFinding = report }}
}

// Keep is how many findings a report lists; a monitor keeps the latest, an audit the first. The default is 100. There is
// no bound on what [OnFinding] is told.
func Keep(findings int) Option {
	if findings < 1 {
		panic(fmt.Sprintf("consistency: Keep(%d): use 1 or more", findings))
	}
	return Option{"Keep", "", func(s *settings) { s.keep = findings }}
}

// Fix evicts entries that are wrong. By default they are reported only.
func Fix() Option { return Option{"Fix", "", func(s *settings) { s.fix = true }} }

// FixAndReload evicts entries that are wrong and loads them again at once, which spares the next reader the wait.
func FixAndReload() Option {
	return Option{"FixAndReload", forMonitor, func(s *settings) { s.fix, s.reload = true, true }}
}

// Sample is the fraction of the hits that is compared with the source. The default is 0.01.
func Sample(fraction float64) Option {
	if !(fraction > 0 && fraction <= 1) {
		panic(fmt.Sprintf("consistency: Sample(%v): use a fraction above 0, such as 0.01", fraction))
	}
	return Option{"Sample", forMonitor, func(s *settings) { s.fraction = fraction }}
}

// Windows are the spans of time that a report looks back on. The default is a minute, ten minutes and an hour. Each is as
// exact as a twelfth of the shortest.
func Windows(spans ...time.Duration) Option {
	for _, span := range spans {
		if span < time.Second || span > 24*time.Hour {
			panic(fmt.Sprintf("consistency: Windows(%v): use a second to a day", span))
		}
	}
	mustNotBeNil("Windows", len(spans) == 0)
	return Option{"Windows", forMonitor, func(s *settings) { s.windows = spans }}
}

// ParseKey makes an argument of the text that cacheable.Key made of it. Without it an audit can't compare the entries of
// caches with that option.
func ParseKey[K comparable](parse func(string) (K, error)) Option {
	mustNotBeNil("ParseKey", parse == nil)
	return Option{"ParseKey", forAudit, func(s *settings) { s.parseKey = parse }}
}

// Resume goes on where an earlier audit was left, which [AuditReport.Position] says.
func Resume(at store.Position) Option {
	return Option{"Resume", forAudit, func(s *settings) { s.from = at }}
}

// Progress has report called after each step with what has been found so far; its Position is good to [Resume] from.
func Progress(report func(AuditReport)) Option {
	mustNotBeNil("Progress", report == nil)
	return Option{"Progress", forAudit, func(s *settings) { s.progress = report }}
}

func mustNotBeNil(option string, isNil bool) {
	if isNil {
		panic(fmt.Sprintf("consistency: %s: nothing is given; leave the option out", option))
	}
}

// typed returns the function of an option, or its zero value if the option was not given.
func typed[F any](what, option string, given any) F {
	f, ok := given.(F)
	if !ok && given != nil {
		panic(fmt.Sprintf("consistency: %s: %s is a %T, want a %T", what, option, given, f))
	}
	return f
}
