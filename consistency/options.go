package consistency

import (
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/scan"
	"github.com/jollyjet/aside/internal/setup"
)

// Option is an option of [NewMonitor], [Audit] or both. Options infer the types of their functions. NewMonitor and
// Audit panic if these are not the types of the cache, or if an option is not for them.
type Option struct {
	name  string
	only  string // forMonitor or forAudit; empty for both
	apply func(*settings)
}

// settings are filled by options. They do not change once settingsOf has returned. Fields of type any hold functions;
// the constructors know the types of the cache, and convert them with setup.Typed.
type settings struct {
	// of both
	grace       time.Duration
	tolerate    time.Duration
	rate        float64 // comparisons for each second
	concurrency int
	loadTimeout time.Duration
	equal       any // func(V, V) bool
	diff        any // func(V, V) string
	changedAt   any // func(V) time.Time
	class       any // func(K) string
	absent      func(error) bool
	onFinding   func(Finding)
	keep        int // findings in a report
	fix         bool

	// of a monitor
	fraction float64
	reload   bool
	windows  []time.Duration

	// of an audit
	parseKey any // func(string) (K, error)
	from     Position
	progress func(AuditReport)
}

// options checks the arguments of options.
const options setup.Package = "consistency"

const (
	forMonitor = "NewMonitor"
	forAudit   = "Audit"
)

func settingsOf(what string, rate float64, loadTimeout time.Duration, given []Option) settings {
	s := settings{
		grace: 3 * time.Second, rate: rate, concurrency: 4, loadTimeout: loadTimeout, keep: 100, fraction: 0.01,
		windows: []time.Duration{time.Minute, 10 * time.Minute, time.Hour},
	}
	for i, o := range given {
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

// Grace sets how long a difference has to last before it counts as wrong. It must be longer than the time from a write
// becoming visible at the source to the end of its eviction. It must also be longer than the lag of replicas that the
// loader reads from. The default is 3 s. Below 2 s, the second by which near values may lag without a feed would count
// as wrong.
func Grace(d time.Duration) Option {
	options.Positive("Grace", d)
	return Option{"Grace", "", func(s *settings) { s.grace = d }}
}

// Tolerate accepts answers that differ from the source if their load began at most d ago. Use it for caches that are
// not evicted on every write: d is their TTL, or the staleness that their users accept. The default is 0.
func Tolerate(d time.Duration) Option {
	if d < 0 {
		panic(fmt.Sprintf("consistency: Tolerate(%v): use a positive duration", d))
	}
	return Option{"Tolerate", "", func(s *settings) { s.tolerate = d }}
}

// Rate bounds the comparisons per second, and so the calls of the loader. The default is 200 for a monitor, which drops
// and counts further hits, and 1,000 for an audit, which waits.
func Rate(perSecond float64) Option {
	if !(perSecond > 0 && perSecond <= 1e6) {
		panic(fmt.Sprintf("consistency: Rate(%v): use more than 0, and 1,000,000 at most", perSecond))
	}
	return Option{"Rate", "", func(s *settings) { s.rate = perSecond }}
}

// LoadTimeout bounds how long a call of the loader for a comparison may take. Then its context ends and the comparison
// fails. A call that goes on all the same hangs, and keeps its place among those of [Concurrency]. The default is 10 s
// for a monitor, and a minute for an audit.
func LoadTimeout(d time.Duration) Option {
	options.Positive("LoadTimeout", d)
	return Option{"LoadTimeout", "", func(s *settings) { s.loadTimeout = d }}
}

// Concurrency bounds how many calls of the loader run at the same time for comparisons, those that hang included: when
// all hang, answers are skipped and counted until one has returned. The default is 4.
func Concurrency(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("consistency: Concurrency(%d): use 1 or more", n))
	}
	return Option{"Concurrency", "", func(s *settings) { s.concurrency = n }}
}

// Equal decides whether two values are equal. The default is that of cacheable.Equal, or a deep comparison: values with a
// method Equal, such as time.Time, are equal if it says so, and floats if they differ by no more than rounding. Equal is
// not called for values with the same encoding.
func Equal[V any](equal func(a, b V) bool) Option {
	options.NotNil("Equal", equal == nil)
	return Option{"Equal", "", func(s *settings) { s.equal = equal }}
}

// Diff describes in a few words how two values differ, for [Finding]. By default there is no description, so that
// reports contain no cached data.
func Diff[V any](diff func(cached, source V) string) Option {
	options.NotNil("Diff", diff == nil)
	return Option{"Diff", "", func(s *settings) { s.diff = diff }}
}

// ChangedAt returns when a value last changed at the source, so that a report can say exactly how long the cache has
// been wrong. It assumes that the source's clock agrees with this machine's. Without it reports give bounds.
func ChangedAt[V any](at func(V) time.Time) Option {
	options.NotNil("ChangedAt", at == nil)
	return Option{"ChangedAt", "", func(s *settings) { s.changedAt = at }}
}

// ClassOf returns the class of a key in reports. The default is the key with its numbers and UUIDs replaced by "*".
// Beyond 100 classes, all others are counted together.
func ClassOf[K comparable](class func(K) string) Option {
	options.NotNil("ClassOf", class == nil)
	return Option{"ClassOf", "", func(s *settings) { s.class = class }}
}

// Absent tells which errors of the loader mean that the source has no value, besides those that cacheable.NotFound
// accepts. Without it, the error for a deleted row is like any other, and its entry is not compared.
func Absent(absent func(error) bool) Option {
	options.NotNil("Absent", absent == nil)
	return Option{"Absent", "", func(s *settings) { s.absent = absent }}
}

// OnFinding calls report once for each wrong entry, from one of the goroutines that compare.
func OnFinding(report func(Finding)) Option {
	options.NotNil("OnFinding", report == nil)
	return Option{"OnFinding", "", func(s *settings) { s.onFinding = report }}
}

// Keep sets how many findings a report lists: the latest of a monitor, the first of an audit. The default is 100.
// [OnFinding] receives all.
func Keep(findings int) Option {
	if findings < 1 {
		panic(fmt.Sprintf("consistency: Keep(%d): use 1 or more", findings))
	}
	return Option{"Keep", "", func(s *settings) { s.keep = findings }}
}

// Fix evicts wrong entries, but none of a class with the status [DoesNotRepeat]. By default they are only reported.
func Fix() Option { return Option{"Fix", "", func(s *settings) { s.fix = true }} }

// FixAndReload evicts wrong entries and reloads them at once, so that the next reader does not have to wait.
func FixAndReload() Option {
	return Option{"FixAndReload", forMonitor, func(s *settings) { s.fix, s.reload = true, true }}
}

// Sample sets the fraction of hits that is compared with the source. The default is 0.01.
func Sample(fraction float64) Option {
	if !(fraction > 0 && fraction <= 1) {
		panic(fmt.Sprintf("consistency: Sample(%v): use a fraction above 0, such as 0.01", fraction))
	}
	return Option{"Sample", forMonitor, func(s *settings) { s.fraction = fraction }}
}

// Windows sets the spans of time that a report covers. The default is a minute, ten minutes and an hour. They are exact
// to a twelfth of the shortest.
func Windows(spans ...time.Duration) Option {
	if len(spans) == 0 {
		panic("consistency: Windows: no spans are given; leave the option out")
	}
	for _, span := range spans {
		if span < time.Second || span > 24*time.Hour {
			panic(fmt.Sprintf("consistency: Windows(%v): use a second to a day", span))
		}
	}
	return Option{"Windows", forMonitor, func(s *settings) { s.windows = spans }}
}

// ParseKey turns a text made by the function of cacheable.Key back into an argument. An audit needs it to compare the
// entries of caches with that option.
func ParseKey[K comparable](parse func(string) (K, error)) Option {
	options.NotNil("ParseKey", parse == nil)
	return Option{"ParseKey", forAudit, func(s *settings) { s.parseKey = parse }}
}

// Position is how far an audit has come. Its zero value is the beginning. It can be kept as text, also in JSON.
type Position = scan.Position

// Resume continues an earlier audit from its [AuditReport.Position].
func Resume(at Position) Option {
	return Option{"Resume", forAudit, func(s *settings) { s.from = at }}
}

// Progress calls report after each step with the results so far. An audit can [Resume] from its Position.
func Progress(report func(AuditReport)) Option {
	options.NotNil("Progress", report == nil)
	return Option{"Progress", forAudit, func(s *settings) { s.progress = report }}
}
